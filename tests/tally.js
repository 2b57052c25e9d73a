import Mocha from "mocha";

/**
 * What a run of mocha tells its parent process at the end.
 *
 * @typedef {object} Tally
 * @property {number} passed
 * @property {number} skipped
 * @property {string[]} failed - full titles of tests, and of hooks that failed
 */

/** Mocha's own reporter, which also hands the numbers over to the process that started it. */
export default class Tallying extends Mocha.reporters.Spec {
  /**
   * @param {Mocha.Runner} runner
   * @param {Mocha.MochaOptions} options
   */
  constructor(runner, options) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, pending } = this.stats;
      process.send?.({ passed: passes, skipped: pending, failed: this.failures.map((test) => test.fullTitle()) });
    });
  }
}
