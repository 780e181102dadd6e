# The prelude: the commonest trampolines and stubs (prelude/common.txt), made while ferry is built, by ferry's own
# ahead-of-time compiler. What holds the library's code links ferry_prelude; ferry_prelude_object is its object file.
option(FERRY_PRELUDE "Make the common shapes' code while ferry is built and put it into the library" ON)
set(FERRY_PRELUDE_OBJECT "" CACHE FILEPATH
    "A prelude.o that was made by ferry-prelude on the target, for cross builds; empty: made now")

add_library(ferry_prelude INTERFACE)
set(prelude_dir ${PROJECT_BINARY_DIR}/prelude)
set(prelude_patterns ${PROJECT_SOURCE_DIR}/prelude/common.txt)

# Without one the library has a table with nothing in it. So has the program that makes it.
add_library(prelude_none OBJECT ${PROJECT_SOURCE_DIR}/trampolines/prelude_none.c)
target_link_libraries(prelude_none PUBLIC ferry_usage PRIVATE ferry_warnings)

if(FERRY_PRELUDE AND CMAKE_CROSSCOMPILING AND NOT FERRY_PRELUDE_OBJECT)
    message(STATUS "No prelude: it is made on the machine that it is for; FERRY_PRELUDE_OBJECT names one")
endif()
if(NOT FERRY_PRELUDE OR (CMAKE_CROSSCOMPILING AND NOT FERRY_PRELUDE_OBJECT))
    set(ferry_prelude_object $<TARGET_OBJECTS:prelude_none>)
elseif(FERRY_PRELUDE_OBJECT)
    set(ferry_prelude_object ${FERRY_PRELUDE_OBJECT})
else()
    set(ferry_prelude_object ${prelude_dir}/prelude.o)
    set(ferry_prelude_list ${prelude_dir}/prelude.txt)
    list(GET ferry_modules 0 prelude_module) # of the newest LLVM

    file(GLOB prelude_sources CONFIGURE_DEPENDS prelude/*.c)
    add_executable(ferry-prelude ${prelude_sources})
    target_link_libraries(ferry-prelude PRIVATE core_objects abi_objects prelude_none ferry_warnings)
    set_target_properties(ferry-prelude PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${prelude_dir})

    # What LLVM keeps until the process ends is no reason for a build to fail.
    file(MAKE_DIRECTORY ${prelude_dir})
    add_custom_command(OUTPUT ${ferry_prelude_object} ${ferry_prelude_list}
        COMMAND ${CMAKE_COMMAND} -E env FERRY_BACKEND=$<TARGET_FILE:${prelude_module}> ASAN_OPTIONS=detect_leaks=0
                $<TARGET_FILE:ferry-prelude> ${prelude_patterns} ${ferry_prelude_object} ${ferry_prelude_list}
        DEPENDS ferry-prelude ${prelude_module} ${prelude_patterns}
        COMMENT "Making the prelude" VERBATIM)
    add_custom_target(prelude_made DEPENDS ${ferry_prelude_object})
    add_dependencies(ferry_prelude prelude_made)
endif()
target_link_libraries(ferry_prelude INTERFACE ${ferry_prelude_object})
