import assert from "node:assert/strict";
import { runEngine } from "../../cli/deployment/engine.ts";
import { exitCode, Failure } from "../../cli/failure.ts";
import { interruptible, isInterrupted } from "../../cli/terminal/interruption.ts";

describe("what ends in order when it is interrupted", () => {
  it("says so afterwards, and lets the engine begin nothing until then", async () => {
    let hasBegun = false;
    const begin = () => {
      hasBegun = true;
      return Promise.resolve();
    };
    const work = interruptible(
      async (signal) => {
        assert.equal(isInterrupted(), false);
        process.emit("SIGINT");
        assert.equal(signal.aborted, true);
        assert.equal(isInterrupted(), true);
        await runEngine(begin, { again: "./slipway up" });
      },
      () => "Nothing was changed.",
    );
    await assert.rejects(work, { exitCode: exitCode.interrupted, message: "Interrupted. Nothing was changed." });
    assert.equal(hasBegun, false);
    assert.equal(isInterrupted(), false);
  });

  it("passes other failures on, and results", async () => {
    const failing = interruptible(
      () => Promise.reject(new Failure("no.")),
      () => "",
    );
    await assert.rejects(failing, { exitCode: exitCode.failed, message: "no." });
    const result = await interruptible(
      () => Promise.resolve(1),
      () => "",
    );
    assert.equal(result, 1);
  });
});
