#include "harness/memory_faults.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace holdfast::test {

namespace {

// Trivial, so that allocations at the very end of a thread may still ask.
thread_local int left = 0;  // until one fails; 0: none will
thread_local bool stays = false;
thread_local bool fired = false;
std::atomic<std::int64_t> live = 0;

bool fails_now() {
  if (left == 0) return false;
  if (left > 1) {
    --left;
    return false;
  }
  fired = true;
  if (!stays) left = 0;
  return true;
}

sqlite3_mem_methods plain;

void* faulty_malloc(int bytes) {
  return fails_now() ? nullptr : plain.xMalloc(bytes);
}

void* faulty_realloc(void* memory, int bytes) {
  return fails_now() ? nullptr : plain.xRealloc(memory, bytes);
}

// Before anything of SQLite is used.
const int configured = [] {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
  sqlite3_mem_methods faulty = plain;
  faulty.xMalloc = faulty_malloc;
  faulty.xRealloc = faulty_realloc;
  return sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty);
}();

}  // namespace

MemoryFault::MemoryFault(int nth, Exhaustion exhaustion) {
  if (configured != SQLITE_OK) std::abort();
  fired = false;
  stays = exhaustion == Exhaustion::stays;
  left = nth;
}

bool MemoryFault::disarm() {
  left = 0;
  return fired;
}

std::int64_t live_allocations() {
  return live;
}

namespace {

void* allocate(std::size_t bytes) {
  void* memory = fails_now() ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  ++live;
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) --live;
  std::free(memory);
}

}  // namespace

}  // namespace holdfast::test

void* operator new(std::size_t bytes) {
  return holdfast::test::allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return holdfast::test::allocate(bytes);
}
// The whole family: the sanitizers' own forms would not match what is freed below.
void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return holdfast::test::allocate(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void operator delete(void* memory) noexcept {
  holdfast::test::release(memory);
}
void operator delete[](void* memory) noexcept {
  holdfast::test::release(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  holdfast::test::release(memory);
}
void operator delete[](void* memory, std::size_t /*bytes*/) noexcept {
  holdfast::test::release(memory);
}
