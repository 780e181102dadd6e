# cmake --install: libraries, headers, LLVM modules, the command, a pkg-config file and a CMake package.
include(CMakePackageConfigHelpers)

install(TARGETS ferry_shared ferry_static EXPORT ferry-targets)
install(DIRECTORY include/ferry DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS ${ferry_modules} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/ferry)
foreach(program ferry ferry-bench)
    if(TARGET ${program})
        install(TARGETS ${program} EXPORT ferry-targets)
    endif()
endforeach()
if(TARGET ferry)
    set_target_properties(ferry PROPERTIES EXPORT_NAME command) # ferry::command
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ferry)
install(EXPORT ferry-targets NAMESPACE ferry:: DESTINATION ${package_dir})
configure_package_config_file(cmake/ferry-config.cmake.in ${PROJECT_BINARY_DIR}/ferry-config.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ferry-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ferry-config.cmake ${PROJECT_BINARY_DIR}/ferry-config-version.cmake
    cmake/ferry-trampolines.cmake
    DESTINATION ${package_dir})

# Relative to the file itself, so that an installed tree may be moved; absolute folders stay what they are.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE up)
string(REGEX REPLACE "/?${CMAKE_INSTALL_INCLUDEDIR}$" "" up "${up}")
set(pc_prefix "\${pcfiledir}/${up}")
configure_file(cmake/ferry.pc.in ${PROJECT_BINARY_DIR}/ferry.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ferry.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES docs/ferry.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES cli/completions/ferry.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
    RENAME ferry OPTIONAL)
install(FILES cli/completions/_ferry DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions OPTIONAL)
install(FILES cli/completions/ferry.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d OPTIONAL)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
if(ferry_prelude_list)
    install(FILES ${ferry_prelude_list} prelude/common.txt DESTINATION ${CMAKE_INSTALL_DOCDIR}/prelude)
endif()
