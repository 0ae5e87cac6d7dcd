//! Values under small names, and decisions that are asked for only once.
//!
//! The domain's values are texts in maps. A state that held them would be large to keep and slow to compare.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values, each under a number of its own.
pub struct Pool<T>(Mutex<Held<T>>);

struct Held<T> {
    names: HashMap<Arc<T>, u32>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { names: HashMap::new(), values: Vec::new() }))
    }
}

impl<T: Eq + Hash> Pool<T> {
    /// Names a value.
    pub fn name(&self, value: T) -> u32 {
        let mut held = guard(&self.0);
        if let Some(name) = held.names.get(&value) {
            return *name;
        }
        let name = u32::try_from(held.values.len()).expect("there are fewer values than states");
        let value = Arc::new(value);
        held.values.push(value.clone());
        held.names.insert(value, name);
        name
    }

    /// The value of a name.
    pub fn value(&self, name: u32) -> Arc<T> {
        guard(&self.0).values[name as usize].clone()
    }
}

/// Remembers what a pure function answered.
pub struct Memory<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    /// Answers from memory, or asks.
    pub fn recall(&self, question: K, ask: impl FnOnce() -> V) -> V {
        if let Some(answer) = guard(&self.0).get(&question) {
            return answer.clone();
        }
        let answer = ask();
        guard(&self.0).insert(question, answer.clone());
        answer
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
