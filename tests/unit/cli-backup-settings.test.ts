import assert from "node:assert/strict";
import { refuseExampleRecipient } from "../../cli/backup/backup-settings.ts";
import { backupSettings, exampleRecipient } from "../../settings/backup.ts";

describe("the recipient of backups", () => {
  it("may be nobody or a key of one's own, but not the key that the example files show", () => {
    const own = exampleRecipient.replace("ql3z", "zl3q");
    refuseExampleRecipient(backupSettings.parse({}));
    refuseExampleRecipient(backupSettings.parse({ recipient: own }));
    assert.throws(() => {
      refuseExampleRecipient(backupSettings.parse({ recipient: exampleRecipient }));
    }, /^Failure: backup\.recipient: must be a public key of your own.*age-keygen/);
  });
});
