// The window of SQLite's WAL-reset defect, held open.
//
// SQLite calls xUnfetch, of methods version 3, exactly between "the checkpointer has read the wal-index
// header" and "it asks how much is copied", if the header has changed since that connection last read it. A
// layer over the Shim offers that method and does there what a test wants to happen.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <utility>

namespace holdfast::test {

// One at a time: the methods of a file have no place for a context of ours. Connections open through `name()`.
class ResetWindow {
 public:
  ResetWindow(sqlite3_vfs* over, std::function<void()> in_window)
      : vfs_(*over), open_below_(over->xOpen), in_window_(std::move(in_window)) {
    vfs_.zName = "holdfast-test-window";
    vfs_.xOpen = open;
    current = this;
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~ResetWindow() {
    sqlite3_vfs_unregister(&vfs_);
    current = nullptr;
  }
  ResetWindow(const ResetWindow&) = delete;
  ResetWindow& operator=(const ResetWindow&) = delete;

  [[nodiscard]] const char* name() const { return vfs_.zName; }

 private:
  static int open(
      sqlite3_vfs* self, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    const int result = current->open_below_(self, path, file, flags, out_flags);
    if (result != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return result;
    static sqlite3_io_methods methods;
    static const bool once = [&] {
      methods = *file->pMethods;
      methods.iVersion = 3;
      methods.xFetch = fetch;
      methods.xUnfetch = unfetch;
      return true;
    }();
    static_cast<void>(once);
    file->pMethods = &methods;
    return result;
  }
  static int fetch(sqlite3_file*, sqlite3_int64, int, void** page) {
    *page = nullptr;
    return SQLITE_OK;
  }
  static int unfetch(sqlite3_file*, sqlite3_int64, void*) {
    current->in_window_();
    return SQLITE_OK;
  }

  static inline ResetWindow* current = nullptr;
  sqlite3_vfs vfs_;
  int (*open_below_)(sqlite3_vfs*, const char*, sqlite3_file*, int, int*);
  std::function<void()> in_window_;
};

}  // namespace holdfast::test
