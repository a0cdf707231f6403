# epsim-ascend, where CANN and aclshmem are found: the kernels by CANN's compiler into a library, the
# host by the usual ones. Nothing of this has met a real CANN; tests/ascend_build runs it on a tree
# that only looks like one. What may differ between versions stands in the cache variables.
set(EPSIM_ASCEND AUTO CACHE STRING "the ascend backend: AUTO (when CANN and aclshmem are found), ON, OFF")
set(EPSIM_ASCEND_ARCH dav-c220-vec CACHE STRING "the compiler's name of the vector cores; A2 and A3: dav-c220-vec")
set(EPSIM_ASCEND_FLAGS
    "-O2;-std=c++17;-xcce;-mllvm;-cce-aicore-stack-size=0x8000;-mllvm;-cce-aicore-function-stack-size=0x8000;-mllvm;-cce-aicore-record-overflow=true;-mllvm;-cce-aicore-addr-transform;-mllvm;-cce-aicore-dcci-insert-for-scalar=false"
    CACHE STRING "what the compiler of kernels is told beside the cores")
set(EPSIM_ASCEND_LIBRARIES "runtime" CACHE STRING "libraries of CANN beside ascendcl and aclshmem")
set_property(CACHE EPSIM_ASCEND PROPERTY STRINGS AUTO ON OFF)
if(NOT EPSIM_ASCEND)
  message(STATUS "backend ascend: off (EPSIM_ASCEND)")
  return()
endif()

set(cann $ENV{ASCEND_HOME_PATH} $ENV{ASCEND_TOOLKIT_HOME} /usr/local/Ascend/ascend-toolkit/latest
         /usr/local/Ascend/latest)
set(aclshmem $ENV{ACLSHMEM_HOME_PATH} $ENV{SHMEM_HOME_PATH} /usr/local/Ascend/shmem/latest/shmem)
find_program(EPSIM_BISHENG NAMES bisheng ccec HINTS ${cann} PATH_SUFFIXES bin compiler/ccec_compiler/bin
             NO_DEFAULT_PATH)
find_path(EPSIM_ACL_INCLUDE acl/acl.h HINTS ${cann} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(EPSIM_ACL_LIBRARY ascendcl HINTS ${cann} PATH_SUFFIXES lib64 lib NO_DEFAULT_PATH)
find_path(EPSIM_ACLSHMEM_INCLUDE shmem.h HINTS ${aclshmem} ${cann} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(EPSIM_ACLSHMEM_LIBRARY NAMES aclshmem shmem HINTS ${aclshmem} ${cann}
             PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)

set(missing "")
foreach(part EPSIM_BISHENG EPSIM_ACL_INCLUDE EPSIM_ACL_LIBRARY EPSIM_ACLSHMEM_INCLUDE EPSIM_ACLSHMEM_LIBRARY)
  if(NOT ${part})
    list(APPEND missing ${part})
  endif()
endforeach()
if(missing)
  list(JOIN missing ", " missing)
  set(why "not found: ${missing}. Set ASCEND_HOME_PATH (CANN's set_env.sh does) and ACLSHMEM_HOME_PATH; hw/ASCEND.md")
  if(EPSIM_ASCEND STREQUAL "AUTO")
    message(STATUS "backend ascend: off, ${why}")
    return()
  endif()
  message(FATAL_ERROR "EPSIM_ASCEND=ON, but ${why}")
endif()
message(STATUS "backend ascend: on, ${EPSIM_BISHENG} for ${EPSIM_ASCEND_ARCH}")

enable_language(CXX)
get_filename_component(acl_libraries ${EPSIM_ACL_LIBRARY} DIRECTORY)
get_filename_component(aclshmem_libraries ${EPSIM_ACLSHMEM_LIBRARY} DIRECTORY)
set(kernels ${PROJECT_BINARY_DIR}/libepsim_ascend_kernels.so)
list(TRANSFORM EPSIM_ASCEND_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE libraries)
add_custom_command(
  OUTPUT ${kernels}
  COMMAND ${EPSIM_BISHENG} ${EPSIM_ASCEND_FLAGS} --cce-aicore-arch=${EPSIM_ASCEND_ARCH}
          --cce-fatobj-link -fPIC -shared -I${PROJECT_SOURCE_DIR} -I${EPSIM_ACL_INCLUDE}
          -I${EPSIM_ACLSHMEM_INCLUDE} ${PROJECT_SOURCE_DIR}/hw/ascend_entry.cpp -o ${kernels}
          -L${acl_libraries} -L${aclshmem_libraries} -lascendcl ${libraries}
  DEPENDS hw/ascend_entry.cpp hw/ascend_bench.h hw/ascend_core.h hw/ascend_exchange.h
          hw/ascend_kernels.h hw/ascend_launch.h
  VERBATIM COMMAND_EXPAND_LISTS)
add_executable(epsim-ascend hw/ascend_main.c hw/ascend_rank.c hw/ascend_die.cpp ${kernels})
target_include_directories(epsim-ascend SYSTEM PRIVATE ${EPSIM_ACL_INCLUDE} ${EPSIM_ACLSHMEM_INCLUDE})
target_link_libraries(epsim-ascend PRIVATE hw ${kernels} ${EPSIM_ACL_LIBRARY} ${EPSIM_ACLSHMEM_LIBRARY})
set_target_properties(epsim-ascend PROPERTIES
  BUILD_RPATH "${PROJECT_BINARY_DIR};${acl_libraries};${aclshmem_libraries}"
  INSTALL_RPATH "\$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${acl_libraries};${aclshmem_libraries}")
install(TARGETS epsim-ascend)
install(FILES ${kernels} DESTINATION ${CMAKE_INSTALL_LIBDIR})
