/* abi/parse_same.c: whether two declarations of one name agree.
 *
 * Types are interned, so that equal ones are one pointer. Two declarations agree too when a tag was incomplete in one
 * of them: struct a { struct b *p; }; struct b { int x; }; struct a { struct b *p; };
 */
#include "abi/parse_internal.h"

/* Types built of themselves many times over could take forever; no real declaration comes near. */
#define STEP_LIMIT 100000

static bool agree(const Type *left, const Type *right, uint32_t *steps);

static bool signatures_agree(const Signature *left, const Signature *right, uint32_t *steps) {
    if (left == right) return true;
    bool same = left->count == right->count && left->fixed == right->fixed && left->variadic == right->variadic &&
                left->of_call == right->of_call && agree(left->result, right->result, steps);
    for (size_t index = 0; same && index < left->count; index++)
        same = agree(left->parameters[index], right->parameters[index], steps);
    return same;
}

static bool members_agree(const Type *left, const Type *right, uint32_t *steps) {
    bool same = left->member_count == right->member_count;
    for (size_t index = 0; same && index < left->member_count; index++) {
        const Member *one = &left->members[index], *other = &right->members[index];
        same = one->name == other->name && one->is_bitfield == other->is_bitfield && one->packed == other->packed &&
               one->bits == other->bits && one->alignment == other->alignment && agree(one->type, other->type, steps);
    }
    return same;
}

static bool agree(const Type *left, const Type *right, uint32_t *steps) {
    if (left == right) return true;
    if (++*steps > STEP_LIMIT || left->kind != right->kind || left->name != right->name) return false;
    switch (left->kind) {
    case FERRY_STRUCT:
    case FERRY_UNION:
        if (!left->complete || !right->complete) return true;
        return left->packed == right->packed && left->alignment == right->alignment &&
               members_agree(left, right, steps);
    case FERRY_POINTER:
    case FERRY_ARRAY:
    case FERRY_VECTOR:
    case FERRY_ALIGNED:
        return left->count == right->count && left->alignment == right->alignment &&
               agree(left->base, right->base, steps);
    case FERRY_FUNCTION: return signatures_agree(left->signature, right->signature, steps);
    default: return false;
    }
}

bool types_agree(const Type *left, const Type *right) {
    uint32_t steps = 0;
    return agree(left, right, &steps);
}
