#include <holdfast/holdfast.hpp>

#include <iostream>

int main() {
  auto db = holdfast::Database::open("app.holdfast");

  // Each call is a transaction of its own ...
  db.checkpoints().save("trace-7", {.id = "step-1", .data = holdfast::to_bytes(R"({"step": 1})")});

  // ... or all of them are one: committed together, or not at all.
  auto orders = db.state("orders").partition({"op-1", 0, 0});
  db.transact([&] {
    const auto head = db.runs().head("run-7");
    db.runs().append("run-7", {R"({"StateUpdated": {"step_id": "a"}})"}, {.expected_head = head});
    db.runs().save_snapshot({"run-7", head + 1, holdfast::to_bytes(R"({"total": 1})")});
    db.sessions().append(
        "session-1", "segment-1", R"({"kind": "user_input", "ts": 1767225600000})");
    orders.put("order-1", "paid");
  });

  // Absence is an optional; failure is one exception with a code.
  if (const auto value = orders.get("order-1")) {
    std::cout << "order-1 is " << holdfast::as_text(*value) << "\n";
  }
  try {
    db.runs().append("run-7", {"{}"}, {.expected_head = 0});
  } catch (const holdfast::Error& error) {
    std::cout << holdfast::to_string(error.code()) << ": " << error.what() << "\n";
  }
  for (const auto& event : db.runs().scan("run-7", 1)) {
    std::cout << event.position << " " << event.text() << "\n";
  }
}
