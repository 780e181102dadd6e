/* abi/parse_parameters.c: parameter lists, and the types of a call's arguments after the `...`. */
#include "abi/parse_internal.h"

typedef struct Parameter {
    const Type *type;
    Token at;
    bool is_void; /* nothing but `void` */
} Parameter;

/* C's adjustment: an array is a pointer to its elements, and then its bound need not be known. */
static void adjust(Declarator *declarator) {
    Derivation *outermost = declarator->last;
    if (outermost == NULL || outermost->kind != DERIVE_ARRAY) return;
    outermost->kind = DERIVE_POINTER;
    outermost->is_variable = false;
}

static ferry_code check_type(Parser *parser, const Parameter *parameter) {
    const Type *type = type_strip(parameter->type);
    if (type->kind == FERRY_VOID) {
        return parse_fail(parser, &parameter->at, FERRY_INVALID,
                          "a parameter cannot be void unless it is the only one and has no name");
    }
    bool is_open = (type->kind == FERRY_STRUCT || type->kind == FERRY_UNION) && !type->complete;
    if (!is_open) return FERRY_OK;
    return parse_fail(parser, &parameter->at, FERRY_INCOMPLETE,
                      "a parameter needs a complete type: %s %.40s is not defined yet",
                      type->kind == FERRY_STRUCT ? "struct" : "union", type->name);
}

static ferry_code read_parameter(Parser *parser, Parameter *parameter) {
    Specifiers specifiers;
    Declarator declarator = {0};
    const Type *base;
    parameter->at = parser->token;
    TRY(parse_specifiers(parser, CONTEXT_PARAMETER, &specifiers));
    TRY(parse_declarator(parser, NAME_OPTIONAL, &declarator));
    TRY(parse_gnu_attributes(parser, &declarator.attributes));
    if (specifiers.alignas != 0) {
        return parse_fail(parser, &specifiers.alignas_at, FERRY_SYNTAX, "_Alignas cannot align a parameter");
    }
    TRY(parse_vector_base(parser, &declarator.attributes, specifiers.type, &base));
    declarator.attributes.vector_bytes = 0;
    TRY(refuse_attributes(parser, &specifiers.attributes, "on a parameter"));
    TRY(refuse_attributes(parser, &declarator.attributes, "on a parameter"));
    adjust(&declarator);
    TRY(parse_build(parser, base, &declarator, false, &parameter->type));
    parameter->is_void = parameter->type->kind == FERRY_VOID && declarator.first == NULL && !declarator.named;
    return FERRY_OK;
}

static ferry_code add(Parser *parser, Derivation *function, size_t *capacity, const Parameter *parameter) {
    if (function->parameter_count == SIGNATURE_PARAMETER_LIMIT) {
        return parse_fail(parser, &parameter->at, FERRY_TOO_LARGE, "more than %d parameters",
                          SIGNATURE_PARAMETER_LIMIT);
    }
    TRY(check_type(parser, parameter));
    size_t same_capacity = *capacity;
    size_t count = function->parameter_count;
    function->parameters = parse_grow(parser, function->parameters, count, capacity, sizeof *function->parameters);
    function->places = parse_grow(parser, function->places, count, &same_capacity, sizeof *function->places);
    if (function->parameters == NULL || function->places == NULL) {
        return fail_out_of_memory(parser->error, "the parameters of a function");
    }
    function->parameters[count] = parameter->type;
    function->places[count] = parameter->at;
    function->parameter_count++;
    return FERRY_OK;
}

/* A lone `void`: no parameters; after the `...`: a call without further arguments. */
static bool is_none(const Parser *parser, const Parameter *parameter, size_t before) {
    return parameter->is_void && before == 0 && token_is(&parser->token, ')');
}

static ferry_code read_ellipsis(Parser *parser, Derivation *function) {
    function->is_variadic = true;
    function->fixed = function->parameter_count;
    TRY(parse_advance(parser));
    if (token_is(&parser->token, ')')) return FERRY_OK;
    if (!token_is(&parser->token, ',')) return parse_expected(parser, "')', or ',' and the types of a call");
    function->is_call = true;
    return parse_advance(parser);
}

static ferry_code read_list(Parser *parser, Derivation *function) {
    size_t capacity = 0;
    while (!token_is(&parser->token, ')')) {
        if (token_is(&parser->token, ELLIPSIS) && !function->is_variadic) {
            TRY(read_ellipsis(parser, function));
            if (token_is(&parser->token, ')')) break;
        }
        Parameter parameter = {0};
        TRY(read_parameter(parser, &parameter));
        if (is_none(parser, &parameter, function->parameter_count - function->fixed)) break;
        TRY(add(parser, function, &capacity, &parameter));
        if (token_is(&parser->token, ')')) break;
        TRY(parse_punctuator(parser, ',', "',' or ')'"));
        if (token_is(&parser->token, ')')) return parse_expected(parser, "a parameter");
    }
    if (!function->is_variadic) function->fixed = function->parameter_count;
    return parse_advance(parser);
}

ferry_code parse_parameters(Parser *parser, Derivation *function) {
    TRY(parse_enter(parser));
    parser->parameter_lists++;
    TRY(parse_advance(parser));
    TRY(read_list(parser, function));
    parser->parameter_lists--;
    parse_leave(parser);
    return FERRY_OK;
}
