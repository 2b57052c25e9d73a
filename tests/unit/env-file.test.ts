import assert from "node:assert/strict";
import { parseEnvFile } from "../../systems/env-file.ts";

const read = (text: string) => parseEnvFile(text, { HOME: "/home/me" });

describe("a file of variables for Docker Compose", () => {
  const cases: Record<string, [text: string, values: Record<string, string>]> = {
    "with and without export": ["export A=1\nB=2\n  C = 3\n", { A: "1", B: "2", C: "3" }],
    "with colons": ["A: one\nB:two\n", { A: "one", B: "two" }],
    "with what a shell would act upon": ["KEY=a b&c;(d)|<e>*!`f`\\g\n", { KEY: "a b&c;(d)|<e>*!`f`\\g" }],
    "with a dollar that means itself": ["A=5$\nB=a$)b\nC=$$x\nD='$x'", { A: "5$", B: "a$)b", C: "$x", D: "$x" }],
    "with comments": [
      "# A=0\nA=1  # one\n  # B=2\nC=a#b\nD='#' # d\nE=\"x\"#e\nF= # none",
      { A: "1", C: "a#b", D: "#", E: "x", F: "" },
    ],
    "with quotation marks": [
      `A="a b # c"\nB='a "b" \\n \\' c'\nC="say \\"x\\" \\\\ \\$y"\nD=it's`,
      { A: "a b # c", B: `a "b" \\n ' c`, C: `say "x" \\ $y`, D: "it's" },
    ],
    "with lines within": [`A="one\ntwo"\nB="one\\ntwo"\nC='x\ny'`, { A: "one\ntwo", B: "one\ntwo", C: "x\ny" }],
    "with the home folder": [
      "A=\"${HOME}/a\"\nB=$HOME/b\nC='${HOME}'",
      { A: "/home/me/a", B: "/home/me/b", C: "${HOME}" },
    ],
    "with defaults": ["A=${X:-x y}\nB=${A:-no}\nC=${Y-}", { A: "x y", B: "x y", C: "" }],
    "with defaults for what is empty": ["E=\nA=${E:-x}\nB=${E-x}\nC=${E}", { E: "", A: "x", B: "", C: "" }],
    "with a variable that is set twice": ["A=1\nB=2\nA=3", { B: "2", A: "3" }],
    "with Windows' line ends and a byte order mark": ["\uFEFFA=1\r\nB='x'\r\n", { A: "1", B: "x" }],
    "with nothing": ["", {}],
    "that ends within a line": ["A=1", { A: "1" }],
  };
  for (const [which, [text, values]] of Object.entries(cases)) {
    it(`is read ${which}`, () => {
      const { variables, problems } = read(text);
      assert.deepEqual(problems, []);
      assert.deepEqual(Object.fromEntries(variables.map(({ name, value }) => [name, value])), values);
    });
  }

  it("is not executed: what cannot be told is named with its line, and without its value", () => {
    const { variables, problems } = read(
      ["A=$MISSING", "B=${C:?needed}", "D", "echo hello", "E=ok", `F="x"y`, "G='open", "H=$(id)"].join("\n"),
    );
    assert.deepEqual(
      variables.map(({ name, value, line }) => [name, value, line]),
      [
        ["E", "ok", 5],
        ["H", "$(id)", 8],
      ],
    );
    assert.deepEqual(
      problems.map(({ line, name }) => [line, name]),
      [
        [1, "A"],
        [2, "B"],
        [3, "D"],
        [4, undefined],
        [6, "F"],
        [7, "G"],
      ],
    );
    assert.match(problems[0]?.message ?? "", /refers to MISSING, which nothing above sets/);
    assert.ok(!JSON.stringify(problems).includes("needed"));
  });
});
