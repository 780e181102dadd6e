// The public headers are clean in C++.
#include <ferry/ferry.h>

#include <cstdio>
#include <cstdlib>

int main() {
    ferry_error error;
    ferry_engine *engine = ferry_engine_create(nullptr, &error);
    const ferry_signature *signature = ferry_signature_parse(engine, "long labs(long)", nullptr, &error);
    if (signature == nullptr) return 1;
    auto function = reinterpret_cast<void (*)()>(static_cast<long (*)(long)>(std::labs));
    ferry_binding *binding = ferry_bind(engine, signature, function, nullptr, &error);
    long argument = -5, result = 0;
    ferry_call(binding, &argument, &result);
    std::printf("%ld\n", result);
    ferry_binding_free(binding);
    return ferry_engine_free(engine, &error) == FERRY_OK ? 0 : 1;
}
