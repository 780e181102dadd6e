enum color : uint8_t { RED = (int8_t)200 + 100, GREEN = 0x1f & 07 | 0b1, BLUE = 1'0 ?: 3, };
_Static_assert(1 + 2 * 3 == 7 && L'\x20ac' > 'a' || 1 / 0, "x"); /* comment */ // another
