// A prepared statement for the life of its connection, and one run of it.
//
//   struct Statements {                                   // a bundle per store, see Connection::statements
//     explicit Statements(Connection& c) : find(c, "SELECT trace_key FROM trace WHERE name = ?1") {}
//     Statement find;
//   };
//   auto row = statements.find.run(name);                 // binds ?1; `name` must outlive `row`
//   if (row.step()) use(row.integer(0));                  // ~Query resets the statement
//
// Over sqlite3_stmt itself, not SQLiteCpp's Statement: that one copies every text it binds (3.2.1 has no
// sized text without a copy), and takes a reference count for every column it reads.
//
// Shape    values bind as INTEGER (integers, bool), TEXT (std::string_view), BLOB (BytesView), NULL
//          (std::nullopt, empty optionals); 64-bit values without a sign keep their bits
// Errors   step() throws Error as engine/failure.hpp maps SQLite's codes; std::bad_alloc
// Threads  those of the connection: one at a time
#pragma once

#include "holdfast/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3_stmt;

namespace holdfast::engine {

class Connection;

// A value whose type is known only at run time: NULL, TEXT or BLOB. It borrows its bytes.
struct Value {
  enum class Type : std::uint8_t { null, text, blob };
  Type type = Type::null;
  BytesView bytes = {};
};

// One run of a statement: move to each row, read its columns. Text and bytes are valid until the next
// step(). A statement has one Query at a time (asserted).
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  // True: there is a row. False: there is none (any more).
  bool step();

  bool is_null(int column) const;
  bool is_text(int column) const;  // TEXT, not BLOB
  std::int64_t integer(int column) const;
  std::uint64_t bits(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  BytesView bytes(int column) const;  // of TEXT, too
  std::optional<std::int64_t> optional_integer(int column) const;
  std::optional<std::string> optional_string(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  // Prepares at once; `sql` is a literal.
  Statement(Connection& connection, const char* sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  template <class... Values>
  Query run(const Values&... values) {
    begin(sizeof...(values));
    int index = 0;
    (bind(++index, values), ...);
    return Query(statement_);
  }

  // Runs a statement that returns no row. Returns how many rows it changed.
  template <class... Values>
  std::int64_t execute(const Values&... values) {
    {
      Query query = run(values...);
      finish(query);
    }
    return changes();
  }

 private:
  void begin(std::size_t values);
  void finish(Query& query);
  std::int64_t changes() const;

  template <class Type>
  void bind(int index, const Type& value) {
    if constexpr (std::is_integral_v<Type>) {
      bind_integer(index, static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<Type, std::nullopt_t>) {
      bind_null(index);
    } else if constexpr (std::is_same_v<Type, Value>) {
      bind_value(index, value);
    } else if constexpr (std::is_convertible_v<const Type&, std::string_view>) {
      bind_text(index, value);
    } else if constexpr (std::is_convertible_v<const Type&, BytesView>) {
      bind_bytes(index, value);
    } else {
      if (value) {
        bind(index, *value);
      } else {
        bind_null(index);
      }
    }
  }
  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view value);
  void bind_bytes(int index, BytesView value);
  void bind_value(int index, const Value& value);
  void bind_null(int index);

  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace holdfast::engine
