// Takes the agent's session out of its file: what no crash can do, one store falls behind the others.
#include <holdfast/holdfast.hpp>

int main(int count, char** values) {
  if (count != 2) return 2;
  auto database = holdfast::Database::open(values[1], {.create = false});
  return database.sessions().remove_session("agent").segments == 1 ? 0 : 1;
}
