// The engine of one open file: its writer, its readers, its log, its thread if it was asked for.
//
// There is one per file and process (open_files.hpp), shared by all openings of that file. It lives as
// long as a handle does, but its connections are closed with the last opening.
//
// Threads  any, but for shut_down(), which the last opening calls
#pragma once

#include "engine/connection.hpp"
#include "engine/reader_pool.hpp"
#include "engine/wal_governor.hpp"
#include "engine/writer.hpp"
#include "holdfast/id.hpp"
#include "holdfast/options.hpp"
#include "holdfast/statistics.hpp"
#include "holdfast/ticket.hpp"
#include "vfs/memory_disk.hpp"
#include "vfs/shim.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <sys/types.h>

namespace holdfast::engine {

// What a write asks for beside its work.
struct WriteRequest {
  Durability durability = Durability::full;
  std::int64_t timeout_ms = 0;
  std::vector<Fence> fences = {};
  std::size_t bytes = 0;  // how much it will write, roughly
};

class Engine {
 public:
  using Work = std::function<void(Connection&)>;

  // A file that is there (perhaps empty), by its absolute path. Tests give another ground to stand on: a disk in
  // memory, an interceptor.
  Engine(std::string path, OpenOptions options, const vfs::ShimOptions& ground = {});
  // In memory.
  explicit Engine(OpenOptions options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // Joins this thread's transaction, or runs as a closed operation.
  void write(const Work& work, const WriteRequest& request);
  // Joins this thread's transaction as a savepoint, or opens one for `body`.
  void transact(const std::function<void()>& body, const WriteRequest& request);
  std::shared_ptr<TicketState> submit(std::function<void()> body, const WriteRequest& request);

  // On this thread's transaction, or on a snapshot of its own. With `keep_context`, reads inside `work` join it.
  void read(const Work& work, const char* what, bool keep_context) const;

  // Puts `slice` on the list of this thread's transaction. False: it is in none.
  bool add_after_commit(Slice slice) const noexcept;
  // That list, for who opened the transaction, at its end.
  Slices after_commit() const noexcept;

  void drain_tickets();
  // Drains, and closes every connection; afterwards nothing may be called but the plain getters.
  void shut_down() noexcept;

  bool in_transaction() const { return Context::find(*this) != nullptr; }
  // ... and may it write there?
  bool in_write() const;
  // A thread's own reads, and what it does in memory, come after its tickets.
  void wait_for_own_tickets() const;
  bool forked() const;

  Statistics statistics() const;
  const OpenOptions& options() const { return options_; }
  const std::string& path() const { return path_; }
  const std::string& store_id() const { return store_id_; }
  const std::string& incarnation() const { return incarnation_; }
  std::uint64_t page_bytes() const { return page_bytes_; }
  std::int64_t now_us() const;
  Uuid make_uuid() const;
  void log(LogLevel level, std::string_view message) const;

 private:
  void open();
  void open_schema(Connection& connection);
  void report_recovery(Connection& connection);
  LogRecovery log_recovery() const;
  void start_committer();
  void check_joinable(const Context& context, const WriteRequest& request) const;
  void refuse_read_only() const;
  static void join(Context& context, const Work& work, const WriteRequest& request);
  void run_closed_operation(const Work& work, const WriteRequest& request);
  void finish_ticket(const std::shared_ptr<TicketState>& state,
                     std::exception_ptr error) const noexcept;

  const OpenOptions options_;
  const std::string path_;  // empty in memory
  const pid_t process_;
  std::uint64_t page_bytes_ = 0;
  std::string store_id_;
  std::string incarnation_;
  bool had_normal_commits_ = false;  // when it was opened

  // In this order: connections go before the shim, the shim before the disk.
  std::unique_ptr<vfs::MemoryDisk> disk_;
  std::unique_ptr<vfs::Shim> shim_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<WalGovernor> governor_;
  std::unique_ptr<Writer> writer_;
  std::thread committer_;
};

}  // namespace holdfast::engine
