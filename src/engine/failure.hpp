// From SQLite's result codes to the library's Error.
#pragma once

#include <string_view>

struct sqlite3;

namespace SQLite {
class Exception;
}

namespace holdfast::engine {

// Throws what `result` (an extended result code) means; `what` says what was being done. SQLite's own
// messages are not passed on: they can quote stored values.
[[noreturn]] void fail(int result, std::string_view what);
// The same with the last error of a connection.
[[noreturn]] void fail(sqlite3* handle, std::string_view what);
[[noreturn]] void fail(const SQLite::Exception& exception, std::string_view what);

}  // namespace holdfast::engine
