# libferry.so and libferry.a. Both show the public names only.
add_library(ferry_shared SHARED)
add_library(ferry::ferry ALIAS ferry_shared)
target_link_libraries(ferry_shared PRIVATE core_objects abi_objects ferry_prelude)
set_target_properties(ferry_shared PROPERTIES OUTPUT_NAME ferry EXPORT_NAME ferry LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/library.map)
# Bound when it is loaded: looking names up at the first call of each costs a page or two every time.
target_link_options(ferry_shared PRIVATE ${ferry_no_undefined} LINKER:-z,now
    "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/library.map")
target_include_directories(ferry_shared INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

# An archive has no visibility of its own: all objects become one, and its hidden symbols local.
set(merged ${PROJECT_BINARY_DIR}/ferry-merged${CMAKE_C_OUTPUT_EXTENSION})
add_custom_command(OUTPUT ${merged}
    COMMAND ${CMAKE_LINKER} -r -o ${merged} $<TARGET_OBJECTS:core_objects> $<TARGET_OBJECTS:abi_objects>
            ${ferry_prelude_object}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${merged}
    DEPENDS $<TARGET_OBJECTS:core_objects> $<TARGET_OBJECTS:abi_objects> ${ferry_prelude_object}
    COMMAND_EXPAND_LISTS VERBATIM)
add_library(ferry_static STATIC ${merged})
add_library(ferry::ferry_static ALIAS ferry_static)
if(TARGET prelude_made) # once, not by two targets at a time
    add_dependencies(ferry_static prelude_made)
endif()
set_source_files_properties(${merged} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(ferry_static PROPERTIES OUTPUT_NAME ferry LINKER_LANGUAGE C)
target_link_libraries(ferry_static INTERFACE ffi lmdb Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(ferry_static INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
