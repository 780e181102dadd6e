# What can be chosen, and the flags that everything is compiled with.
set(FERRY_LLVM_VERSIONS "22;21;20;19" CACHE STRING "LLVM versions to build a module for, as far as they are found")
set(FERRY_SANITIZE "" CACHE STRING "address (with undefined behaviour and leaks) or thread")
set_property(CACHE FERRY_SANITIZE PROPERTY STRINGS "" address thread)
option(FERRY_WERROR "Warnings are errors" OFF)
option(FERRY_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(FERRY_FUZZ "Build the libFuzzer targets (clang)" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Where headers are found: public ones as "ferry/x.h", internal ones as "room/x.h".
add_library(ferry_usage INTERFACE)
target_include_directories(ferry_usage INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})

add_library(ferry_warnings INTERFACE)
target_compile_options(ferry_warnings INTERFACE -Wall -Wextra -Wconversion
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes> $<$<BOOL:${FERRY_WERROR}>:-Werror>)

set(ferry_no_undefined LINKER:--no-undefined)
if(FERRY_SANITIZE STREQUAL "address")
    # The function check reads words before the entry of what is called: machine code made at run time has none.
    set(sanitizers -fsanitize=address,undefined -fno-sanitize=function -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
elseif(FERRY_SANITIZE STREQUAL "thread")
    set(sanitizers -fsanitize=thread)
elseif(FERRY_SANITIZE)
    message(FATAL_ERROR "FERRY_SANITIZE: address or thread, not ${FERRY_SANITIZE}")
endif()
if(FERRY_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "FERRY_FUZZ needs clang: -DCMAKE_C_COMPILER=clang-22")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(sanitizers)
    add_compile_options(${sanitizers})
    add_link_options(${sanitizers})
    set(ferry_no_undefined "") # the sanitizer's runtime is in the executable
endif()
