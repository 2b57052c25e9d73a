import assert from "node:assert/strict";
import { aroundDashes } from "../../cli/terminal/dashes.ts";

describe("the words around --", () => {
  it("are told apart, whatever those after it are", () => {
    const split = (words: string[], ...argv: string[]) => aroundDashes(words, ["node", "slipway", "run", ...argv]);
    assert.deepEqual(split(["web", "ls", "-l"], "--stack", "x", "web", "--", "ls", "-l"), [["web"], ["ls", "-l"]]);
    assert.deepEqual(split(["ls", "--", "a"], "--", "ls", "--", "a"), [[], ["ls", "--", "a"]]);
    assert.deepEqual(split(["web"], "web", "--"), [["web"], []]);
    assert.deepEqual(split(["web", "ls"], "web", "ls"), [["web", "ls"], []]);
  });
});
