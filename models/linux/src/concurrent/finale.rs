//! The end of a batch: final states and outcomes.

use super::batch::Batch;
use super::board::Doing;
use super::child::Sender;
use super::crew::Crew;
use super::family::answer;
use super::histogram::Histogram;
use super::message::Message;
use super::plan::Look;
use crate::arena::Arena;
use crate::observe::Observer;
use seqfault_lang::litmus::ast::PageProperty;
use seqfault_lang::ops::Answer;

impl Crew<'_> {
    /// Looks at the final states, and counts the outcomes.
    pub fn look(
        &self,
        batch: &Batch<'_>,
        arena: &mut Arena,
        observer: &Observer,
        histogram: &mut Histogram,
        sender: &Sender,
    ) {
        let slots = self.plan.register_slots();
        let mut outcome = Vec::new();
        for instance in 0..batch.order.len() {
            let number = batch.first + instance as u64;
            self.board
                .note(self.plan.homes.leader(), Doing::Looks(number));
            outcome.clear();
            let registers = slots * instance..slots * (instance + 1);
            outcome.extend(registers.map(|slot| {
                let value = self.registers.take(slot);
                value.expect("each CPU has told its registers")
            }));
            for (look, id) in &self.plan.looks {
                let page = batch.spread.page(instance, *id);
                outcome.push(match look {
                    Look::ChildWord(.., slot) => answer(self.plan, &self.answers, instance, *slot),
                    look => look.at(page, arena, observer, self.plan.grows()),
                });
            }
            if histogram.add(&outcome).is_some() {
                sender.send(&Message::New {
                    values: outcome.clone(),
                    first: number,
                });
            }
        }
    }
}

impl Look {
    /// What a page shows.
    fn at(&self, page: usize, arena: &Arena, observer: &Observer, grows: bool) -> Answer {
        let entry = || {
            observer
                .entry(arena, page)
                .expect("a process can read its own pagemap")
        };
        let holds = match self {
            Look::Word(..) => return arena.shown(page, grows),
            Look::Property(PageProperty::Mapped, _) => observer.is_mapped(arena, page),
            Look::Property(PageProperty::Present, _) => entry().is_present(),
            Look::Property(PageProperty::Swapped, _) => entry().is_swapped(),
            Look::Property(PageProperty::Wp, _) => entry().is_wp(),
            Look::ChildWord(..) => unreachable!("no page of this process"),
            Look::Property(..) => unreachable!("the plan has only what the host can tell"),
        };
        Answer::Word(u64::from(holds))
    }
}
