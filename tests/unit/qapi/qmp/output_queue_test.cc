// Tests of OutputQueue.
#include "qmp/output_queue.h"

#include "check.h"

using namespace fusebay::qapi;

TEST(MessagesLeaveInOrder) {
  OutputQueue queue(100);
  queue.PutReply("one");
  CHECK(queue.PutEvent("two"));
  CHECK_EQ(queue.bytes(), std::size_t{6});
  queue.Advance(2);
  CHECK_EQ(std::string(queue.front()), "e");
  queue.Advance(1);
  CHECK_EQ(std::string(queue.front()), "two");
  queue.Advance(3);
  CHECK(queue.empty());
  CHECK_EQ(queue.bytes(), std::size_t{0});
}

TEST(EventsAreBoundedAndRepliesAreNot) {
  OutputQueue queue(5);
  CHECK(queue.PutEvent("12345"));
  CHECK(!queue.PutEvent("6"));
  queue.PutReply("a long reply");
  CHECK(!queue.PutEvent("6"));
}

TEST(RoomForEventsComesBackAsTheyLeave) {
  OutputQueue queue(5);
  CHECK(queue.PutEvent("12345"));
  queue.Advance(5);
  CHECK(queue.PutEvent("67890"));
}

TEST(ClearedMeansEmpty) {
  OutputQueue queue(5);
  CHECK(queue.PutEvent("12345"));
  queue.Advance(3);
  queue.Clear();
  CHECK(queue.empty());
  CHECK(queue.PutEvent("12345"));
  CHECK_EQ(std::string(queue.front()), "12345");
}
