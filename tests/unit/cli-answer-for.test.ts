import assert from "node:assert/strict";
import { answerFor } from "../../cli/moving-in/answer-for.ts";

describe("what mends an answer that init was given", () => {
  it("is an option where one takes it, and else the file of answers", () => {
    const image = { set: "camcops.images.mysql", value: "r.example.org/mysql@sha256:<digest>" };
    assert.equal(answerFor("camcops", image), "--set 'images.mysql=r.example.org/mysql@sha256:<digest>'");
    const names = { set: "camcops.certificate.dnsNames[0]", value: "camcops.example.org" };
    assert.equal(answerFor("camcops", names), "--set 'certificate.dnsNames=[camcops.example.org]'");
    assert.equal(answerFor("camcops", { set: "environment", value: "dev" }), "--environment dev");
    assert.equal(
      answerFor("camcops", { set: 'camcops.config["recipient:x"].TASKS[0]', value: "phq9" }),
      'set config["recipient:x"].TASKS to [phq9] in a file, by --answers FILE',
    );
    const secret = { setSecret: "camcopsMysqlUserPassword" };
    assert.equal(answerFor("camcops", secret), "give camcopsMysqlUserPassword in a file, by --answers FILE");
  });

  it("is to leave it out or to rename it, where there is no such setting", () => {
    assert.equal(answerFor("camcops", { unset: "camcops.superuser.name" }), "leave superuser.name out");
    assert.equal(answerFor("camcops", { rename: "camcops.nam", to: "camcops.name" }), "rename nam to name");
    assert.equal(answerFor("camcops", { advice: "docker volume ls" }), "docker volume ls");
  });
});
