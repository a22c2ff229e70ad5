# The programs and the libraries that tests/test_cuda_emulator.py runs.
set(NOTHING ${CMAKE_CURRENT_BINARY_DIR}/nothing.cpp)
file(CONFIGURE OUTPUT ${NOTHING} CONTENT "")

function(selftest name)
  foreach(variant IN LISTS ARGN)
    add_executable(selftest_${name}_${variant} ${NOTHING})
    emulate_kernels(selftest_${name}_${variant} ${variant} selftest_${name}.cu)
  endforeach()
endfunction()

selftest(primitives hooks asan ucontext)
selftest(arithmetic hooks)
selftest(correct hooks asan)
selftest(heatmaps hooks asan)
selftest(bugs hooks asan)

add_library(selftest_library_hooks MODULE selftest_host.cpp)
emulate_kernels(selftest_library_hooks hooks selftest_library.cu)
