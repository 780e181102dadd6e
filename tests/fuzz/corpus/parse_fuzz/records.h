struct node { struct node *next; unsigned a : 3, : 0; enum { A = 1 << 3, B = A ? 'b' : ~0u } e; };
union __attribute__((packed)) u { long long x; char c[7]; struct { int y; }; } __attribute__((aligned(16)));
typedef struct [[gnu::packed]] { _Alignas(16) int x; int v __attribute__((vector_size(16))); char rest[]; } s, *sp;
typedef int low __attribute__((aligned(2))); int [[gnu::aligned(2)]] *q;
