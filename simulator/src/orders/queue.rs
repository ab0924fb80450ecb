//! Orders waiting for the sends that they apply to.

use std::collections::VecDeque;

use super::{Behaviour, Order};

/// The most orders that can wait.
pub(crate) const CAPACITY: usize = 100;

/// The waiting orders, oldest first.
#[derive(Debug, Default)]
pub(crate) struct OrderQueue {
    waiting: VecDeque<Order>,
}

impl OrderQueue {
    /// Queues an order. Returns `false` if the queue is full.
    pub(crate) fn push(&mut self, order: Order) -> bool {
        let room = self.waiting.len() < CAPACITY;
        if room && order.times > 0 {
            self.waiting.push_back(order);
        }
        room
    }

    /// Applies the oldest order that matches a send to these digits, and counts the application.
    pub(crate) fn take(&mut self, digits: &str) -> Option<Behaviour> {
        let fits = |order: &Order| order.to.as_deref().is_none_or(|to| to == digits);
        let position = self.waiting.iter().position(fits)?;
        let order = self.waiting.get_mut(position)?;
        order.times -= 1;
        if order.times == 0 {
            self.waiting.remove(position).map(|order| order.behaviour)
        } else {
            Some(order.behaviour.clone())
        }
    }

    pub(crate) fn waiting(&self) -> Vec<Order> {
        self.waiting.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(milliseconds: u64) -> Behaviour {
        Behaviour::Slow { milliseconds }
    }

    #[test]
    fn orders_apply_oldest_first_and_as_often_as_they_say() {
        let mut queue = OrderQueue::default();
        queue.push(Order::once(slow(1)).times(2));
        queue.push(Order::once(slow(2)));
        let taken: Vec<_> = (0..4).map(|_| queue.take("15551234567")).collect();
        assert_eq!(taken, [Some(slow(1)), Some(slow(1)), Some(slow(2)), None]);
    }

    #[test]
    fn an_order_for_one_recipient_waits_for_that_recipient() {
        let mut queue = OrderQueue::default();
        queue.push(Order::once(slow(1)).to("+1 (555) 123-4567"));
        assert_eq!(queue.take("15557654321"), None);
        assert_eq!(queue.take("15551234567"), Some(slow(1)));
        assert_eq!(queue.waiting(), []);
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let mut queue = OrderQueue::default();
        assert!((0..CAPACITY).all(|_| queue.push(Order::once(slow(1)))));
        assert!(!queue.push(Order::once(slow(1))));
        assert_eq!(queue.waiting().len(), CAPACITY);
    }

    #[test]
    fn an_order_for_zero_sends_is_dropped() {
        let mut queue = OrderQueue::default();
        assert!(queue.push(Order::once(slow(1)).times(0)));
        assert_eq!(queue.take("15551234567"), None);
    }
}
