# Warnings as errors and the sanitizers, for every target of ours.
add_library(gw_flags INTERFACE)
target_compile_options(gw_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wundef -Wstrict-prototypes
  -Wmissing-prototypes -Wcast-qual -Wformat=2 -Wwrite-strings -Werror
  -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(gw_flags INTERFACE _GNU_SOURCE GW_VERSION_TEXT="${PROJECT_VERSION}")
target_include_directories(gw_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(GODWIT_SANITIZE)
  target_compile_options(gw_flags INTERFACE
    -fsanitize=${GODWIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(gw_flags INTERFACE -fsanitize=${GODWIT_SANITIZE})
endif()
if(GODWIT_FUZZ) # every library is instrumented; the targets add the driver (test/fuzz)
  target_compile_options(gw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GODWIT_COVERAGE)
  target_compile_options(gw_flags INTERFACE --coverage -O0)
  target_link_options(gw_flags INTERFACE --coverage)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
