//! What somebody does to the outside world: sets a control, lets Azure DevOps fail, moves the clock.

use chrono::{DateTime, TimeDelta, Utc};
use simulator::faults::Fault;

use crate::controls::{Control, Worlds};
use crate::demo::Demo;

impl Demo {
    /// Sets a control.
    ///
    /// # Errors
    ///
    /// If there is no such control, or it does not take the value.
    pub(crate) fn set(&self, id: &str, value: serde_json::Value) -> Result<(), String> {
        let said = {
            let mut inside = self.lock();
            let control = inside.controls.iter_mut().find(|control| control.id == id);
            let said = control.ok_or_else(|| format!("There is no control {id:?}."))?.set(value)?;
            let run = inside.play.as_ref().filter(|play| play.ended.is_none()).map(|play| play.run);
            self.apply(&inside.controls, run, false);
            said
        };
        self.note(said);
        Ok(())
    }

    /// Brings the values of the controls into the simulated systems, and into the run in play.
    pub(crate) fn apply(&self, controls: &[Control], run: Option<u64>, is_new_run: bool) {
        self.world.azure_devops.with(|azure_devops| {
            self.world.sources.with(|sources| {
                let mut worlds = Worlds { azure_devops, sources, run };
                let due = controls.iter().filter(|control| is_new_run || !control.subject.is_fixed_by_run());
                let (first, then): (Vec<_>, Vec<_>) = due.partition(|control| control.subject.names_branch());
                let all = first.into_iter().chain(then);
                all.for_each(|control| control.subject.apply(&control.value, &mut worlds));
            });
        });
    }

    /// Lets Azure DevOps fail for some seconds of the demo's clock.
    pub(crate) fn fail_azure_devops(&self, seconds: u32) {
        let until = self.now() + TimeDelta::seconds(i64::from(seconds));
        self.world.azure_devops.heal();
        self.world.azure_devops.fail(Fault::status(503)).until(until);
        self.lock().outage_until = Some(until);
        let lasts = if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
        self.note(format!("Azure DevOps fails for {lasts}."));
    }

    /// Ends an outage of Azure DevOps.
    pub(crate) fn heal_azure_devops(&self) {
        self.world.azure_devops.heal();
        self.lock().outage_until = None;
        self.note("Azure DevOps works again.");
    }

    /// Moves the clock forward to this moment.
    ///
    /// # Errors
    ///
    /// If the moment is past, or too far away, or the clock is the real one.
    pub(crate) fn move_clock(&self, to: DateTime<Utc>) -> Result<(), String> {
        self.is_clock_ours()?;
        let by = to - self.now();
        if by <= TimeDelta::zero() || by > TimeDelta::days(366) {
            return Err("The clock only moves forward, and at most a year.".to_owned());
        }
        self.world.clock.advance(by.to_std().unwrap_or_default()).map_err(|error| error.to_string())?;
        self.note(format!("You moved the clock to {}.", to.format("%a %H:%M")));
        Ok(())
    }

    /// Sets how many times faster than real time the clock runs.
    ///
    /// # Errors
    ///
    /// If the file for the handler cannot be written, or the clock is the real one.
    pub(crate) fn set_speed(&self, factor: f64) -> Result<(), String> {
        self.is_clock_ours()?;
        self.world.clock.set_speed(factor).map_err(|error| error.to_string())?;
        self.note(format!("The clock runs {factor} times as fast as real time."));
        Ok(())
    }

    /// The real Functions host and its queue keep the real time.
    fn is_clock_ours(&self) -> Result<(), String> {
        if self.world.host.is_real() {
            return Err("With the real Functions host, the clock is the real one.".to_owned());
        }
        Ok(())
    }

    /// Moves the clock behind the end of the office hours, if they are open now or will be soon. The next opening is then so
    /// near that the check can wait for it.
    pub(crate) fn leave_office_hours(&self) -> Result<(), String> {
        use chrono::Timelike as _;
        let now = self.now();
        match now.date_naive().and_hms_opt(17, 1, 0) {
            Some(closed) if (6..=17).contains(&now.hour()) && now < closed.and_utc() => {
                self.move_clock(closed.and_utc())
            }
            _ => Ok(()),
        }
    }
}
