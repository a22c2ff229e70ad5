// Code beside the kernels, with variables of its own among theirs: they are not shared memory, and
// may be device memory.
namespace {
float memory[1 << 12];
}  // namespace

extern "C" __attribute__((visibility("default"))) float* host_memory() { return memory; }
