import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { folders, prepareHome } from "../../toolchain/home.js";

describe("folders", () => {
  it("follows the XDG base folders", () => {
    const env = { XDG_CONFIG_HOME: "/c", XDG_DATA_HOME: "/d", XDG_CACHE_HOME: "/x" };
    assert.deepEqual(folders({ env }), {
      stacks: "/c/slipway",
      state: "/d/slipway/state",
      passphraseFile: "/d/slipway/passphrase",
      cache: "/x/slipway",
    });
  });

  it("falls back to the user's home, also for a relative base folder", () => {
    const inHome = {
      stacks: join(homedir(), ".config/slipway"),
      state: join(homedir(), ".local/share/slipway/state"),
      passphraseFile: join(homedir(), ".local/share/slipway/passphrase"),
      cache: join(homedir(), ".cache/slipway"),
    };
    assert.deepEqual(folders({ env: {} }), inHome);
    assert.deepEqual(folders({ env: { XDG_CONFIG_HOME: "c", XDG_DATA_HOME: "", XDG_CACHE_HOME: "./x" } }), inHome);
  });

  it("puts everything but the cache into a chosen folder, the option before the variable", () => {
    const chosen = {
      stacks: "/one/stacks",
      state: "/one/state",
      passphraseFile: "/one/passphrase",
      cache: "/x/slipway",
    };
    assert.deepEqual(folders({ home: "/one", env: { SLIPWAY_HOME: "/two", XDG_CACHE_HOME: "/x" } }), chosen);
    assert.deepEqual(folders({ env: { SLIPWAY_HOME: "/one", XDG_CACHE_HOME: "/x" } }), chosen);
  });

  it("makes a relative choice absolute", () => {
    assert.equal(folders({ home: "here" }).state, join(process.cwd(), "here/state"));
  });
});

describe("prepareHome", () => {
  let own: ReturnType<typeof folders>;
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "slipway-home-"));
    own = folders({ home: join(root, "own"), env: { XDG_CACHE_HOME: join(root, "cache") } });
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  it("makes folders and a passphrase of 32 random bytes that only the user can read", () => {
    assert.deepEqual(prepareHome(own), { passphraseCreated: true });
    assert.deepEqual([own.stacks, own.state, own.cache, own.passphraseFile].map(mode), ["700", "700", "700", "600"]);
    assert.equal(Buffer.from(readFileSync(own.passphraseFile, "utf8"), "base64url").length, 32);
  });

  it("keeps a passphrase that is there", () => {
    prepareHome(own);
    const before = readFileSync(own.passphraseFile, "utf8");
    assert.deepEqual(prepareHome(own), { passphraseCreated: false });
    assert.equal(readFileSync(own.passphraseFile, "utf8"), before);
  });

  it("makes a different passphrase for each home", () => {
    const other = folders({ home: join(root, "other"), env: { XDG_CACHE_HOME: join(root, "cache") } });
    prepareHome(own);
    prepareHome(other);
    assert.notEqual(readFileSync(own.passphraseFile, "utf8"), readFileSync(other.passphraseFile, "utf8"));
  });

  it("refuses a passphrase that others can read, with what to type", () => {
    prepareHome(own);
    chmodSync(own.passphraseFile, 0o640);
    assert.throws(() => prepareHome(own), new RegExp(`mode 0640.*0600.*Type: chmod 600 ${own.passphraseFile}`));
  });

  it("refuses an empty passphrase", () => {
    prepareHome(own);
    writeFileSync(own.passphraseFile, "");
    assert.throws(() => prepareHome(own), /is empty/);
  });

  it("makes no new passphrase where stacks exist that it would not open", () => {
    const stacks = join(own.state, ".pulumi", "stacks", "slipway");
    mkdirSync(stacks, { recursive: true });
    writeFileSync(join(stacks, "dev.json"), "{}");
    assert.throws(() => prepareHome(own), /Restore the file from your backup/);
  });
});
