// LMDB: a write transaction per batch; read transactions are reset and renewed, not made anew.
#include "support/store.hpp"

#include <lmdb.h>

namespace bench {

namespace {

constexpr std::size_t kMapBytes = std::size_t{32} << 30;  // address space, not memory

void check(int result) {
  if (result != MDB_SUCCESS) fail(std::string("LMDB: ") + mdb_strerror(result));
}

MDB_val value_of(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view view_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class LmdbStore : public Store {
 public:
  explicit LmdbStore(const StoreOptions& options) {
    check(mdb_env_create(&environment_));
    check(mdb_env_set_mapsize(environment_, kMapBytes));
    check(mdb_env_open(environment_, options.folder.c_str(), options.sync ? 0 : MDB_NOSYNC, 0600));
    MDB_txn* transaction = nullptr;
    check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
    check(mdb_dbi_open(transaction, nullptr, 0, &entries_));
    check(mdb_txn_commit(transaction));
    check(mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &reader_));
    mdb_txn_reset(reader_);
  }

  ~LmdbStore() override {
    mdb_txn_abort(reader_);
    mdb_env_close(environment_);
  }

  void write(std::span<const PairView> batch) override {
    MDB_txn* transaction = nullptr;
    check(mdb_txn_begin(environment_, nullptr, 0, &transaction));
    for (const PairView& pair : batch) {
      MDB_val key = value_of(pair.first);
      MDB_val data = value_of(pair.second);
      const int result = removes(pair) ? mdb_del(transaction, entries_, &key, nullptr)
                                       : mdb_put(transaction, entries_, &key, &data, 0);
      if (result != MDB_NOTFOUND) check(result);
    }
    check(mdb_txn_commit(transaction));
  }

  std::optional<std::string> get(std::string_view key) override {
    if (!held_) check(mdb_txn_renew(reader_));
    MDB_val key_value = value_of(key);
    MDB_val data{};
    const int result = mdb_get(reader_, entries_, &key_value, &data);
    std::optional<std::string> value;
    if (result != MDB_NOTFOUND) {
      check(result);
      value = view_of(data);
    }
    if (!held_) mdb_txn_reset(reader_);
    return value;
  }

  std::vector<Pair> scan(std::string_view prefix) override {
    std::vector<Pair> found;
    if (!held_) check(mdb_txn_renew(reader_));
    MDB_cursor* cursor = nullptr;
    check(mdb_cursor_open(reader_, entries_, &cursor));
    MDB_val key = value_of(prefix);
    MDB_val data{};
    int result = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    for (; result == MDB_SUCCESS && view_of(key).starts_with(prefix);
         result = mdb_cursor_get(cursor, &key, &data, MDB_NEXT))
      found.emplace_back(view_of(key), view_of(data));
    if (result != MDB_NOTFOUND) check(result);
    mdb_cursor_close(cursor);
    if (!held_) mdb_txn_reset(reader_);
    return found;
  }

  void hold_reads() override {
    check(mdb_txn_renew(reader_));
    held_ = true;
  }

  void release_reads() override {
    mdb_txn_reset(reader_);
    held_ = false;
  }

  void set_sync(bool sync) override { check(mdb_env_set_flags(environment_, MDB_NOSYNC, !sync)); }

 private:
  MDB_env* environment_ = nullptr;
  MDB_dbi entries_ = 0;
  MDB_txn* reader_ = nullptr;
  bool held_ = false;
};

}  // namespace

std::unique_ptr<Store> open_lmdb(const StoreOptions& options) {
  return std::make_unique<LmdbStore>(options);
}

std::string lmdb_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  mdb_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace bench
