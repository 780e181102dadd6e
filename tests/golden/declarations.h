/* What the golden files show, one paragraph each: the last function of a paragraph is placed.
 * Numbers are those of the list of corner cases in docs/abi/x86_64-sysv.md where a paragraph is about one. */

/* every scalar, in registers and on the stack */
void scalars_integer(_Bool, char, signed char, unsigned char, short, unsigned short, int, unsigned int);

void scalars_wide(long, unsigned long, long long, unsigned long long, __int128, unsigned __int128);

void scalars_fixed(int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t);

void scalars_sized(int_fast16_t, uint_fast16_t, int_fast32_t, uint_fast32_t, intptr_t, uintptr_t, size_t, ssize_t,
                   ptrdiff_t, wchar_t);

void scalars_float(_Float16, __bf16, float, double, long double, __float128);

void scalars_complex(float _Complex, double _Complex, long double _Complex, _Complex __float128);

/* results of every class */
_Bool result_bool(void);

signed char result_narrow(void);

__int128 result_int128(void);

_Float16 result_half(void);

float _Complex result_complex_float(void);

double _Complex result_complex_double(void);

/* 9: long double: argument in memory, result in st0 */
long double result_long_double(long double);

/* 11: _Complex long double: result in st0 and st1, argument in memory */
long double _Complex result_complex_long_double(long double _Complex);

/* 12: _Complex float is one xmm, _Complex double two */
void complex_arguments(float _Complex, double _Complex, float);

_Complex __float128 result_complex_quad(void);

/* pointers, functions, enums */
enum narrow : unsigned char { NARROW };
enum wide : long { WIDE };
enum plain { PLAIN = -1 };
enum plain pointers(void *, const char *, int (*)(void), double (*[2])(int), enum narrow, enum wide, enum plain);

/* 1: any INTEGER field makes its eightbyte INTEGER */
struct float_int { float f; int i; };
struct float_int one_general(struct float_int);

/* 2: three floats: two registers */
struct three_floats { float x, y, z; };
struct three_floats two_vectors(struct three_floats);

struct mixed { double x; long n; };
struct mixed one_of_each(struct mixed);

struct mixed_other { long n; double x; };
struct mixed_other one_of_each_other(struct mixed_other);

/* the example of the ABI document */
typedef struct { int a, b; double d; } structparm;
void abi_document(int e, int f, structparm s, int g, int h, long double ld, double m, double n, int i, int j, int k);

/* 3: no register for an eightbyte: all of the struct on the stack, its registers given back */
struct two_longs { long a, b; };
void given_back(int, int, int, int, int, struct two_longs, int);

struct long_double_pair { long a; double b; };
void given_back_vector(double, double, double, double, double, double, double, double, struct long_double_pair, long);

/* 4, 5: __int128 is never split; r9 is still used after it */
void int128_not_split(int, int, int, int, int, __int128, int);

/* 6: __int128 aligns to 16, in structs and on the stack */
struct with_int128 { char c; __int128 i; };
void int128_aligned(struct with_int128, int, int, int, int, int, int, int, __int128);

/* 7: an unaligned field makes the struct MEMORY */
struct __attribute__((packed)) unaligned { char c; int i; };
struct unaligned unaligned_field(struct unaligned);

/* 7: an under-aligned typedef, aligned by chance and not */
typedef double loose __attribute__((aligned(4)));
struct straddling { int a; loose b; };
void under_aligned(struct straddling);

/* 8: packed without an unaligned field travels in registers */
struct __attribute__((packed)) packed_aligned { int a; short b; char c; };
struct packed_aligned packed_but_aligned(struct packed_aligned);

/* 10: X87UP that does not follow X87 is MEMORY */
union x87_int { long double l; long i[2]; };
union x87_int x87_and_integer(union x87_int);

union x87_alone { long double l; };
union x87_alone x87_union(union x87_alone);

struct x87_struct { long double l; };
struct x87_struct x87_in_struct(struct x87_struct);

struct x87_and_float { long double l; float f; };
struct x87_and_float x87_too_large(struct x87_and_float);

/* 13: wide vectors: named, and after the `...` */
typedef float m256 __attribute__((vector_size(32)));
typedef float m512 __attribute__((vector_size(64)));
void wide_named(m256, m512);

typedef float m256 __attribute__((vector_size(32)));
void wide_variadic(int, ..., m256);

typedef float m256 __attribute__((vector_size(32)));
void wide_named_of_variadic(m256, ..., int);

/* 14: results of wide vectors */
typedef float m256 __attribute__((vector_size(32)));
m256 wide_result(void);

typedef int m512 __attribute__((vector_size(64)));
m512 widest_result(void);

typedef float m256 __attribute__((vector_size(32)));
struct of_wide { m256 v; };
struct of_wide wide_in_struct(struct of_wide);

/* 15: small vectors */
typedef short v2hi __attribute__((vector_size(4)));
v2hi vector_4(v2hi);

typedef int v2si __attribute__((vector_size(8)));
v2si vector_8(v2si);

typedef double v1df __attribute__((vector_size(8)));
v1df vector_of_one_double(v1df);

typedef float v1sf __attribute__((vector_size(4)));
v1sf vector_of_one_float(v1sf);

typedef _Float16 v2hf __attribute__((vector_size(4)));
v2hf vector_of_two_halves(v2hf);

typedef float v4sf __attribute__((vector_size(16)));
typedef long v2di __attribute__((vector_size(16)));
v4sf vector_16(v4sf, v2di);

typedef __int128 v1ti __attribute__((vector_size(16)));
v1ti vector_of_int128(v1ti);

typedef __int128 v2ti __attribute__((vector_size(32)));
v2ti vector_of_two_int128(v2ti);

typedef __float128 v1tf __attribute__((vector_size(16)));
v1tf vector_of_quad(v1tf);

/* 16: struct of a __float128 is one xmm */
struct quad { __float128 q; };
struct quad quad_in_struct(struct quad);

/* 17: flexible array members */
struct flexible { int n; double d[]; };
struct flexible flexible_array(struct flexible);

/* 18: bit-fields are INTEGER in each eightbyte that they touch; zero-width ones are ignored */
struct bits { int a : 5; unsigned b : 20; long c : 40; };
struct bits bit_fields(struct bits);

struct bits_and_float { float f; int a : 3; float g; double d; };
void bit_field_beside_float(struct bits_and_float);

struct zero_width { float f; int : 0; float g; };
void zero_width_bit_field(struct zero_width);

struct unnamed_bits { float f; int : 32; };
void unnamed_bit_field(struct unnamed_bits);

struct only_unnamed { int : 32; };
void only_unnamed_bits(struct only_unnamed, long, long, long, long, long, struct only_unnamed, long);

/* 19: unions */
union float_or_int { float f; int i; };
union float_or_int union_integer(union float_or_int);

union float_or_double { float f; double d; };
union float_or_double union_float(union float_or_double);

union of_two { struct { double a, b; } x; long y; };
union of_two union_of_two(union of_two);

/* 20: narrow arguments are extended */
short extended(signed char, unsigned char, short, unsigned short, _Bool);

/* 21: tails shorter than an eightbyte */
struct three_bytes { char c[3]; };
struct three_bytes tail_3(struct three_bytes);

struct nine_bytes { char c[9]; };
struct nine_bytes tail_9(struct nine_bytes);

struct twelve_bytes { int i[3]; };
struct twelve_bytes tail_12(struct twelve_bytes);

/* 22: AL holds the vector registers of a variadic call */
int printf(const char *, ..., double, int, double, float _Complex);

int no_vectors(const char *, ..., int);

int nothing_variadic(float, ..., long double);

/* 23: what follows the `...` after promotion */
void promoted(int, ..., int, double, long double, __int128, struct { short s; });

/* 24: empty structs take no part */
struct nothing { };
struct nothing empty(struct nothing, int, struct nothing, double);

struct nothing { };
struct with_nothing { struct nothing e; int i; };
struct with_nothing empty_member(struct with_nothing);

/* sizes around the limit of two eightbytes */
struct sixteen { char c[16]; };
struct sixteen size_16(struct sixteen);

struct seventeen { char c[17]; };
struct seventeen size_17(struct seventeen);

/* over-aligned arguments */
struct __attribute__((aligned(16))) aligned_16 { int i; };
struct aligned_16 aligned_small(int, struct aligned_16);

struct __attribute__((aligned(64))) aligned_64 { int i; };
struct aligned_64 aligned_stack(int, struct aligned_64, int, int, int, int, int, int, struct aligned_64);

typedef int aligned_int __attribute__((aligned(32)));
void aligned_typedef(aligned_int, long, long, long, long, long, long, aligned_int);

struct member_aligned { char a; _Alignas(16) char b; };
void aligned_member(struct member_aligned);

/* nesting */
struct inner { short s; struct { float f; } deep[1]; };
struct outer { struct inner i; union { double d; float f[2]; } u; };
struct outer nested(struct outer);

struct array_of_structs { struct { char a; short b; } e[2]; float f; };
struct array_of_structs nested_array(struct array_of_structs);

struct zero_array { double d; int none[0]; };
struct zero_array zero_length_array(struct zero_array);

/* 16-bit floats share eightbytes */
struct halves { _Float16 a, b; __bf16 c; };
struct halves half_members(struct halves);

struct half_and_short { _Float16 a; short b; };
struct half_and_short half_and_integer(struct half_and_short);

/* many arguments */
void many(char, double, short, float, int, double, long, float, char, double, short, float, int, double, long, float, int);

/* the hidden result takes the first register */
struct large { long a[3]; };
struct large hidden_result(long, long, long, long, long, long);
