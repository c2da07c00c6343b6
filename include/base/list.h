// Fifo: an intrusive singly linked queue. T has a member `T* next`; the queue owns nothing.
#pragma once
#include "base/assert.h"

namespace fusebay {

template <class T>
class Fifo {
 public:
  Fifo() = default;
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  bool empty() const { return head_ == nullptr; }
  T* front() const { return head_; }

  // REQUIRES: item is in no queue.
  void Push(T& item) {
    item.next = nullptr;
    if (tail_ == nullptr) {
      head_ = &item;
    } else {
      tail_->next = &item;
    }
    tail_ = &item;
  }

  // Returns null when empty.
  T* Pop() {
    T* const item = head_;
    if (item != nullptr) {
      head_ = item->next;
      if (head_ == nullptr) {
        tail_ = nullptr;
      }
      item->next = nullptr;
    }
    return item;
  }

  // Takes item out of the middle; returns whether it was there. Linear.
  bool Remove(T& item) {
    T* before = nullptr;
    for (T* at = head_; at != nullptr; before = at, at = at->next) {
      if (at != &item) {
        continue;
      }
      (before == nullptr ? head_ : before->next) = at->next;
      if (tail_ == at) {
        tail_ = before;
      }
      at->next = nullptr;
      return true;
    }
    return false;
  }

  // Moves every item of `other` to the end of this queue.
  void Splice(Fifo& other) {
    if (other.empty()) {
      return;
    }
    if (tail_ == nullptr) {
      head_ = other.head_;
    } else {
      tail_->next = other.head_;
    }
    tail_ = other.tail_;
    other.head_ = nullptr;
    other.tail_ = nullptr;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace fusebay
