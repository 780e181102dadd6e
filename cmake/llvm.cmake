# Finds the LLVMs of FERRY_LLVM_VERSIONS: FERRY_LLVM_FOUND lists those that are there, newest first, and each has an
# imported target LLVM_<version>.
set(FERRY_LLVM_FOUND "")
foreach(v IN LISTS FERRY_LLVM_VERSIONS)
    find_program(FERRY_LLVM_CONFIG_${v} NAMES llvm-config-${v} llvm-config${v}
        HINTS /usr/lib/llvm-${v}/bin /opt/llvm-${v}/bin)
    mark_as_advanced(FERRY_LLVM_CONFIG_${v})
    if(NOT FERRY_LLVM_CONFIG_${v})
        continue()
    endif()
    execute_process(COMMAND ${FERRY_LLVM_CONFIG_${v}} --includedir OUTPUT_VARIABLE include_dir
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${FERRY_LLVM_CONFIG_${v}} --libdir OUTPUT_VARIABLE lib_dir
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    find_library(FERRY_LLVM_LIBRARY_${v} NAMES LLVM-${v} LLVM PATHS ${lib_dir} NO_DEFAULT_PATH)
    mark_as_advanced(FERRY_LLVM_LIBRARY_${v})
    if(NOT FERRY_LLVM_LIBRARY_${v} OR NOT EXISTS ${include_dir}/llvm-c/Core.h)
        message(STATUS "LLVM ${v}: headers or shared library missing, left out")
        continue()
    endif()
    add_library(LLVM_${v} UNKNOWN IMPORTED)
    set_target_properties(LLVM_${v} PROPERTIES IMPORTED_LOCATION ${FERRY_LLVM_LIBRARY_${v}}
        INTERFACE_INCLUDE_DIRECTORIES ${include_dir})
    list(APPEND FERRY_LLVM_FOUND ${v})
endforeach()
if(NOT FERRY_LLVM_FOUND)
    message(FATAL_ERROR "No LLVM of ${FERRY_LLVM_VERSIONS} found; on Debian: apt-get install llvm-22-dev, "
                        "or run scripts/install-deps.sh")
endif()
message(STATUS "LLVM modules for: ${FERRY_LLVM_FOUND}")
