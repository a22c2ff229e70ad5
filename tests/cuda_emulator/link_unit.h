// The parts of this program or shared library, as the linker knows them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lowerpose::emulator {

// Where the kernels' static shared memory lies, among other variables: .bss.
bool in_zeroed_data(std::uintptr_t address, std::size_t bytes);
// threadIdx and its like.
bool in_builtins(std::uintptr_t address, std::size_t bytes);
bool in_link_unit(std::uintptr_t address, std::size_t bytes);

// Code, as an offset that fits into 32 bits, and its file and line.
std::uint32_t code_offset(const void* address);
std::string source_line(std::uint32_t offset);

}  // namespace lowerpose::emulator
