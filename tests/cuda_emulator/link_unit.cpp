#include "cuda_emulator/link_unit.h"

#include <dlfcn.h>

#include <cstdio>
#include <map>
#include <vector>

#include "cuda_emulator/ranges.h"

// The linker defines these.
#pragma GCC visibility push(hidden)
extern "C" {
extern const char __ehdr_start[], __bss_start[], _end[];
extern const char __start_lowerpose_builtins[], __stop_lowerpose_builtins[];
}
#pragma GCC visibility pop

namespace lowerpose::emulator {
namespace {

std::size_t bytes_between(const char* start, const char* end) {
  return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(end) -
                                  reinterpret_cast<std::uintptr_t>(start));
}

bool between(std::uintptr_t address, std::size_t bytes, const char* start, const char* end) {
  return contains(reinterpret_cast<std::uintptr_t>(start), bytes_between(start, end), address,
                  bytes);
}

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return lines;
  char text[4096];
  while (std::fgets(text, sizeof(text), pipe) != nullptr) lines.emplace_back(text);
  pclose(pipe);
  return lines;
}

bool is_header_of_emulator(const std::string& file_and_line) {
  return file_and_line.find("cuda_emulator/a") != std::string::npos &&
         file_and_line.find(".h:") != std::string::npos;
}

std::string looked_up(std::uint32_t offset) {
  char place[32];
  std::snprintf(place, sizeof(place), "0x%x", offset - 1);  // the call is before its return address
  Dl_info unit;
  if (dladdr(__ehdr_start, &unit) == 0) return std::string("code at ") + place;
  // Without the libraries that a sanitizer has had loaded first. A line an inlined function, the
  // innermost first: " (inlined by) FILE:LINE (discriminator 2)".
  for (std::string line : lines_of("env -u LD_PRELOAD addr2line -pie '" +
                                   std::string(unit.dli_fname) + "' " + place + " 2>/dev/null")) {
    if (is_header_of_emulator(line)) continue;
    line = line.substr(line.rfind('/') + 1);
    line = line.substr(0, line.find_first_of(" \n"));
    if (!line.empty() && line[0] != '?') return line;
  }
  return std::string("code at ") + place;
}

}  // namespace

bool in_zeroed_data(std::uintptr_t address, std::size_t bytes) {
  return between(address, bytes, __bss_start, _end);
}

bool in_builtins(std::uintptr_t address, std::size_t bytes) {
  return between(address, bytes, __start_lowerpose_builtins, __stop_lowerpose_builtins);
}

bool in_link_unit(std::uintptr_t address, std::size_t bytes) {
  return between(address, bytes, __ehdr_start, _end);
}

std::uint32_t code_offset(const void* address) {
  return static_cast<std::uint32_t>(bytes_between(__ehdr_start, static_cast<const char*>(address)));
}

std::string source_line(std::uint32_t offset) {
  static auto& known = *new std::map<std::uint32_t, std::string>;
  const auto found = known.find(offset);
  if (found != known.end()) return found->second;
  return known[offset] = looked_up(offset);
}

}  // namespace lowerpose::emulator
