#include "engine/link.hpp"

#include "defect.hpp"
#include "engine/engine.hpp"
#include "engine/opening.hpp"
#include "holdfast/error.hpp"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace holdfast::engine {

namespace {

// Between two slices, so that other processes come to write: they try the lock every 100 us.
constexpr auto kPause = std::chrono::microseconds(200);

WriteRequest make_request(const Engine& engine,
                          const std::optional<Fence>& fence,
                          const TransactOptions& options) {
  // What joins a transaction has its durability; only what asks for one by name can ask for too much.
  const Durability standard =
      engine.in_transaction() ? Durability::normal : engine.options().durability;
  if (options.timeout_ms && *options.timeout_ms < 0) {
    throw Error(ErrorCode::invalid_argument, "timeout_ms is negative");
  }
  WriteRequest request;
  request.durability = options.durability.value_or(standard);
  request.timeout_ms = options.timeout_ms.value_or(engine.options().busy_timeout_ms);
  if (fence) request.fences.push_back(*fence);
  if (options.fence) request.fences.push_back(*options.fence);
  return request;
}

}  // namespace

Link::Link(std::shared_ptr<Opening> opening, std::optional<Fence> fence)
    : opening_(std::move(opening)), fence_(std::move(fence)) {}

void Link::transact(const std::function<void()>& body, const TransactOptions& options) const {
  const Opening::Call call(*opening_);
  Engine& engine = call.engine();
  const auto request = make_request(engine, fence_, options);
  if (engine.in_transaction()) return engine.transact(body, request);
  Slices slices;
  engine.transact(
      [&] {
        body();
        slices = engine.after_commit();
      },
      request);
  free_after_commit(slices);
}

void Link::read_snapshot(const std::function<void()>& body) const {
  if (planted("read_of_many_instants")) return body();
  const Opening::Call call(*opening_);
  call.engine().read([&](Connection&) { body(); }, "read()", true);
}

void Link::commit(const std::function<void()>& body, const TransactOptions& options) const {
  const Opening::Call call(*opening_);
  Engine& engine = call.engine();
  const auto request = make_request(engine, fence_, options);
  if (engine.in_transaction()) return engine.write([&](Connection&) { body(); }, request);
  Slices slices;
  engine.write(
      [&](Connection&) {
        body();
        slices = engine.after_commit();
      },
      request);
  free_after_commit(slices);
}

Ticket Link::commit_async(std::function<void()> body, const TransactOptions& options) const {
  const Opening::Call call(*opening_);
  const auto request = make_request(call.engine(), fence_, options);
  return Ticket(call.engine().submit(std::move(body), request));
}

void Link::free_in_slices(Slice slice) const noexcept {
  if (opening_->engine().add_after_commit(slice)) return;
  Slices slices;
  slices.add(slice);
  free_after_commit(slices);
}

void Link::free_after_commit(const Slices& slices) const noexcept {
  try {
    for (const Slice slice : slices)
      run_slices(slice);
  } catch (const std::exception& error) {
    // The change itself is committed, so its call has succeeded. Nothing is lost but time.
    try {
      log(LogLevel::warning, std::string("what was removed is not all freed yet: ") + error.what());
    } catch (...) {
      return;  // the log function's own failure
    }
  }
}

// Without the fence: what is freed here belongs to nobody any more.
void Link::run_slices(Slice slice) const {
  for (bool more = true; more;) {
    const Opening::Call call(*opening_);
    call.engine().write([&](Connection& db) { more = slice(db); },
                        make_request(call.engine(), std::nullopt, {}));
    if (more) std::this_thread::sleep_for(kPause);
  }
}

void Link::close() const {
  opening_->close();
}

std::shared_ptr<const Link> Link::with_fence(Fence fence) const {
  return std::make_shared<const Link>(opening_, std::move(fence));
}

std::shared_ptr<const Link> Link::borrowed() const {
  return std::make_shared<const Link>(opening_->borrowed(), fence_);
}

bool Link::in_transaction() const {
  return opening_->engine().in_transaction();
}

bool Link::in_write() const {
  return opening_->engine().in_write();
}

void Link::wait_for_own_tickets() const {
  opening_->engine().wait_for_own_tickets();
}

std::shared_ptr<Companion> Link::companion(
    const std::string& name, const std::function<std::shared_ptr<Companion>()>& make) const {
  return opening_->companion(name, make);
}

const OpenOptions& Link::options() const {
  return opening_->engine().options();
}

void Link::check_payload(std::uint64_t bytes) const {
  const std::uint64_t limit = options().max_payload_bytes;
  if (bytes <= limit) return;
  throw Error(ErrorCode::too_large,
              "the payload is larger than OpenOptions::max_payload_bytes",
              {.expected = limit, .actual = bytes});
}

std::int64_t Link::now_us() const {
  return opening_->engine().now_us();
}

Uuid Link::make_uuid() const {
  return opening_->engine().make_uuid();
}

void Link::log(LogLevel level, std::string_view message) const {
  opening_->engine().log(level, message);
}

Statistics Link::statistics() const {
  const Opening::Call call(*opening_);
  return call.engine().statistics();
}

const std::string& Link::path() const {
  return opening_->engine().path();
}

const std::string& Link::store_id() const {
  return opening_->engine().store_id();
}

const std::string& Link::incarnation() const {
  return opening_->engine().incarnation();
}

Engine& Link::engine() const {
  return opening_->engine();
}

void Link::run_write(const std::function<void(Connection&)>& work, std::size_t bytes) const {
  const Opening::Call call(*opening_);
  auto request = make_request(call.engine(), fence_, {});
  request.bytes = bytes;
  call.engine().write(work, request);
}

void Link::run_read(const std::function<void(Connection&)>& work, const char* what) const {
  const Opening::Call call(*opening_);
  call.engine().read(work, what, false);
}

}  // namespace holdfast::engine
