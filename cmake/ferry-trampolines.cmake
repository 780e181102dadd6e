# Code made ahead of time, as a part of a program or a library:
#
#   ferry_add_trampolines(target FILE...
#                         [NAME name] [CONVENTION slots|pointers|both] [ERRNO never|also|only]
#                         [UPCALLS pointers|all|none] [QUALITY better|quick] [ABI target] [SKIP])
#
# Has `ferry aot` (its manual page tells what the options mean) make the code that the declarations in the files need,
# and links it into target, whose sources then say
#
#   #include "name.h"
#   ferry_engine_add_linked(engine, &name, &error);
#
# NAME: as usual the first file's without its ending, as calls of calls.decl; zlib_trampolines of zlib.h, which must not
# be hidden by another file of its name. When a file changes the code is made anew. ABI: one of `ferry targets`. Where
# CMake builds for another system it must be given, and FERRY_COMMAND must be the path of a `ferry` that runs here.
function(ferry_add_trampolines target)
    set(choices CONVENTION ERRNO UPCALLS QUALITY)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SKIP" "NAME;ABI;${choices}" "")
    if(NOT TARGET ${target})
        message(FATAL_ERROR "ferry_add_trampolines: there is no target ${target}")
    endif()
    if(NOT arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "ferry_add_trampolines(${target}): no file with declarations")
    endif()
    if(arg_KEYWORDS_MISSING_VALUES)
        message(FATAL_ERROR "ferry_add_trampolines(${target}): no value after ${arg_KEYWORDS_MISSING_VALUES}")
    endif()
    if(CMAKE_CROSSCOMPILING AND NOT (arg_ABI AND FERRY_COMMAND))
        message(FATAL_ERROR "ferry_add_trampolines(${target}): for another system ABI and FERRY_COMMAND must be given")
    endif()
    if(FERRY_COMMAND)
        set(command ${FERRY_COMMAND})
    else()
        set(command ferry::command)
    endif()
    if(NOT arg_NAME)
        list(GET arg_UNPARSED_ARGUMENTS 0 first)
        cmake_path(GET first STEM arg_NAME)
        if(first MATCHES "\\.(h|hh|hpp|hxx)$")
            string(APPEND arg_NAME _trampolines)
        endif()
    endif()
    string(MAKE_C_IDENTIFIER ${arg_NAME} name)

    set(options "")
    foreach(choice IN LISTS choices)
        if(arg_${choice})
            string(TOLOWER ${choice} option)
            list(APPEND options --${option} ${arg_${choice}})
        endif()
    endforeach()
    if(arg_ABI)
        list(APPEND options --target ${arg_ABI})
    endif()
    if(arg_SKIP)
        list(APPEND options --skip)
    endif()

    set(files "")
    foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
        cmake_path(ABSOLUTE_PATH file NORMALIZE)
        get_source_file_property(generated ${file} GENERATED)
        if(NOT EXISTS ${file} AND NOT generated)
            message(FATAL_ERROR "ferry_add_trampolines(${target}): there is no file ${file}, nor is one generated")
        endif()
        list(APPEND files ${file})
    endforeach()
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/ferry/${target})
    set(object ${folder}/${name}.o)
    set(header ${folder}/${name}.h)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${object} ${header} ${folder}/${name}.json
        COMMAND ${command} aot --output ${folder}/${name} --name ${name} ${options} -- ${files}
        DEPENDS ${files} ${command}
        COMMENT "Making trampolines for ${target}" VERBATIM)
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    target_sources(${target} PRIVATE ${object} ${header})
    target_include_directories(${target} PRIVATE ${folder})
endfunction()
