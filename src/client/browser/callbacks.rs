//! Callbacks that may add and remove callbacks while they run.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// Names a callback, so that it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerId(pub(super) u64);

type Callback<T> = Rc<RefCell<Box<dyn FnMut(T)>>>;

pub(super) struct Callbacks<T> {
    list: RefCell<Vec<(u64, Callback<T>)>>,
    last: Cell<u64>,
}

impl<T> Default for Callbacks<T> {
    fn default() -> Self {
        Self { list: RefCell::new(Vec::new()), last: Cell::new(0) }
    }
}

impl<T> Callbacks<T> {
    pub(super) fn add(&self, id: u64, callback: Box<dyn FnMut(T)>) {
        self.list.borrow_mut().push((id, Rc::new(RefCell::new(callback))));
    }

    pub(super) fn add_next(&self, callback: Box<dyn FnMut(T)>) -> ListenerId {
        let id = self.last.get() + 1;
        self.last.set(id);
        self.add(id, callback);
        ListenerId(id)
    }

    pub(super) fn remove(&self, id: u64) {
        let mut list = self.list.borrow_mut();
        let removed = list.iter().position(|(i, _)| *i == id).map(|at| list.swap_remove(at));
        // What a callback holds may itself call back when it is dropped.
        drop(list);
        drop(removed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    pub(super) fn call(&self, id: u64, value: T) {
        let callback = {
            let list = self.list.borrow();
            list.iter().find(|(i, _)| *i == id).map(|(_, callback)| callback.clone())
        };
        if let Some(callback) = callback
            && let Ok(mut callback) = callback.try_borrow_mut()
        {
            callback(value);
        }
    }

    pub(super) fn call_all(&self, value: T)
    where
        T: Clone,
    {
        let ids: Vec<u64> = self.list.borrow().iter().map(|(id, _)| *id).collect();
        for id in ids {
            self.call(id, value.clone());
        }
    }
}
