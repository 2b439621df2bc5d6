#include "support/store.hpp"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

namespace bench {

const std::vector<Rival>& rivals() {
  static const std::vector<Rival> all{
      {"SQLite", sqlite3_libversion(), open_sqlite, ""},
#ifdef HOLDFAST_BENCH_LMDB
      {"LMDB", lmdb_version(), open_lmdb, ""},
#else
      {"LMDB", "", nullptr, "liblmdb-dev"},
#endif
#ifdef HOLDFAST_BENCH_LEVELDB
      {"LevelDB", leveldb_version(), open_leveldb, ""},
#else
      {"LevelDB", "", nullptr, "libleveldb-dev"},
#endif
#ifdef HOLDFAST_BENCH_ROCKSDB
      {"RocksDB", rocksdb_version(), open_rocksdb, ""},
#else
      {"RocksDB", "", nullptr, "librocksdb-dev"},
#endif
  };
  return all;
}

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

}  // namespace bench
