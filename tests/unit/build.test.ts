import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import {
  baseImage,
  buildImage,
  bundledImage,
  contextHash,
  imageSource,
  type BuildContext,
} from "../../components/build.ts";
import versions from "../../images/versions.json" with { type: "json" };
import { entriesOf } from "../archive.ts";
import { dockerStub, type DockerStub, type Routes } from "../docker-stub.ts";

/** Files by path, some with another mode than 0644. */
type Files = Record<string, string | { content: string; mode: number }>;

const usual: Files = { Dockerfile: "FROM base\n", "bin/start": { content: "#!/bin/sh\n", mode: 0o755 }, "b.conf": "x" };

describe("an image's build", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "build-context-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function context(files: Files, own: Partial<BuildContext> = {}): Promise<BuildContext> {
    const made = await mkdtemp(join(folder, "context-"));
    for (const [path, file] of Object.entries(files)) {
      const { content, mode } = typeof file === "string" ? { content: file, mode: 0o644 } : file;
      await mkdir(join(made, dirname(path)), { recursive: true });
      await writeFile(join(made, path), content);
      await chmod(join(made, path), mode);
    }
    return { name: "slipway/shop", folder: made, version: "1.0", ...own };
  }

  describe("contextHash", () => {
    it("is the same for the same files, wherever they are and in whatever order and at whatever time they were written", async () => {
      const first = await context(usual);
      const second = await context(Object.fromEntries(Object.entries(usual).reverse()), { name: "slipway/other" });
      await utimes(join(second.folder, "Dockerfile"), 1, 1);
      assert.equal(contextHash(second), contextHash(first));
      assert.match(contextHash(first), /^[0-9a-f]{12}$/);
    });

    it("does not depend on who else may read or write a file", async () => {
      const strict = await context({ ...usual, "b.conf": { content: "x", mode: 0o600 } });
      assert.equal(contextHash(strict), contextHash(await context(usual)));
    });

    it("is another for another content, name, mode, place, version, revision or stage", async () => {
      const changed: [Files, Partial<BuildContext>?][] = [
        [usual],
        [{ ...usual, "b.conf": "y" }],
        [{ ...usual, "b.conf": "" }],
        [{ ...usual, "c.conf": "x" }],
        [{ ...usual, "b.conf": { content: "x", mode: 0o755 } }],
        [{ Dockerfile: "FROM base\n", start: { content: "#!/bin/sh\n", mode: 0o755 }, "b.conf": "x" }],
        [usual, { version: "1.1" }],
        [usual, { revision: "1" }],
        [usual, { revision: "2" }],
        [usual, { target: "dev" }],
        [usual, { target: "prod" }],
        // The same bytes in the same order, parted otherwise.
        [{ a: "1", b: "2" }],
        [{ a: "12", b: "" }],
        [{ a: '1["b",0]2' }],
      ];
      const hashes = await Promise.all(changed.map(async ([files, own]) => contextHash(await context(files, own))));
      assert.equal(new Set(hashes).size, changed.length, hashes.join(" "));
    });
  });

  describe("a .dockerignore", () => {
    const ignoring = (patterns: string, more: Files = {}) => context({ ...usual, ".dockerignore": patterns, ...more });

    it("leaves out what it names, whole folders too, so that it changes nothing", async () => {
      const patterns = ["# dependencies", "", "**/node_modules", "/.git/", "*.log", "notes?.txt", "!kept.log"].join(
        "\n",
      );
      const without = contextHash(await ignoring(patterns));
      const ignored = {
        "node_modules/a/index.js": "a",
        "bin/node_modules/a/index.js": "a",
        ".git/HEAD": "a",
        "a.log": "a",
        "notes1.txt": "a",
      };
      assert.equal(contextHash(await ignoring(patterns, ignored)), without);
      for (const path of ["bin/a.log", "kept.log", "notes12.txt", "git", "my_node_modules/a.js"]) {
        assert.notEqual(contextHash(await ignoring(patterns, { [path]: "a" })), without, path);
      }
    });

    it("makes exceptions within an ignored folder", async () => {
      const without = contextHash(await ignoring("docs\n!docs/LICENSE"));
      assert.equal(contextHash(await ignoring("docs\n!docs/LICENSE", { "docs/a.md": "a" })), without);
      assert.notEqual(contextHash(await ignoring("docs\n!docs/LICENSE", { "docs/LICENSE": "a" })), without);
    });

    it("never leaves out the Dockerfile and itself, which Docker needs", async () => {
      const other = { Dockerfile: "FROM other\n" };
      assert.notEqual(contextHash(await ignoring("*", other)), contextHash(await ignoring("*")));
      assert.notEqual(contextHash(await ignoring("**")), contextHash(await ignoring("*")));
    });
  });

  it("takes no notice of a link to nowhere", async () => {
    const linked = await context(usual);
    await symlink("nowhere", join(linked.folder, "link"));
    assert.equal(contextHash(linked), contextHash(await context(usual)));
  });

  describe("bundledImage", () => {
    it("knows the folder and the version of each image of the project", async () => {
      for (const name of Object.keys(versions) as (keyof typeof versions)[]) {
        const image = bundledImage(name, "7");
        assert.deepEqual(image, {
          name: `slipway/${name}`,
          folder: image.folder,
          version: versions[name],
          revision: "7",
          ...(name === "backup" && { program: image.program }),
        });
        assert.equal(basename(image.folder), name);
        assert.ok((await readdir(image.folder)).includes("Dockerfile"));
      }
    });
  });

  describe("imageSource", () => {
    const sources = {
      web: { build: { name: "shop-web", folder: "/home/me/shop", target: "dev" } },
      db: { build: "mariadb" as const },
      proxy: { pull: "nginx:1" },
    };

    it("builds of a user's folder the stage for development", () => {
      assert.deepEqual(imageSource(sources, "web", "7"), {
        build: { name: "slipway/shop-web", folder: "/home/me/shop", target: "dev", version: "local", revision: "7" },
      });
    });

    it("builds the project's own images and pulls others, and refuses what the settings do not know", () => {
      assert.deepEqual(imageSource(sources, "db"), { build: bundledImage("mariadb") });
      assert.deepEqual(imageSource(sources, "proxy"), { pull: "nginx:1" });
      assert.throws(() => imageSource(sources, "cache"), /There is no image "cache": web, db, proxy/);
    });
  });

  describe("buildImage", () => {
    const reference = "slipway/shop:1.0-0123456789ab";
    const wanted = `GET /images/${reference}/json`;
    const base = `GET /images/${baseImage}/json`;
    const built = (...events: unknown[]) => ({
      body: Buffer.from(events.map((each) => `${JSON.stringify(each)}\r\n`).join("")),
    });
    const here = { body: { Id: "sha256:1" } };
    const missing = { status: 404, body: { message: "No such image" } };

    async function build(routes: Routes, own: Partial<BuildContext> = {}, check?: (docker: DockerStub) => unknown) {
      const docker = await dockerStub(routes);
      const said: string[] = [];
      try {
        await buildImage(docker.client, await context(usual, own), reference, (line) => said.push(line));
        await check?.(docker);
        return { said, requests: docker.requests };
      } finally {
        await docker.close();
      }
    }

    it("does nothing when the image is there", async () => {
      assert.deepEqual(await build({ [wanted]: here }), { said: [], requests: [wanted] });
    });

    it("says how to get a missing base image", async () => {
      await assert.rejects(build({ [wanted]: missing }), {
        message: "The base image slipway/base:bookworm is missing. Make it by: ./slipway doctor --fix",
      });
    });

    it("hands on other errors of Docker than a missing image", async () => {
      await assert.rejects(build({ [wanted]: { status: 500, body: { message: "out of order" } } }), /out of order/);
    });

    it("sends the folder, the same bytes for the same files, and the machine's own certificate authorities", async () => {
      const routes = { [wanted]: missing, [base]: here, "POST /build": built({ stream: "done" }) };
      const sent: Buffer[] = [];
      for (const files of [usual, Object.fromEntries(Object.entries(usual).reverse())]) {
        const { folder: other } = await context(files);
        await build(routes, { folder: other }, ({ bodies }) => sent.push(bodies.at(-1) ?? Buffer.alloc(0)));
      }
      const [archive = Buffer.alloc(0), again] = sent;
      assert.deepEqual(archive, again);
      const entries = await entriesOf(archive, "name", "mode", "mtime");
      const time = new Date(0);
      assert.deepEqual(
        entries.filter(({ name }) => !name.startsWith(".build/ca-certificates/")),
        [
          { name: "Dockerfile", mode: 0o644, mtime: time, content: "FROM base\n" },
          { name: "b.conf", mode: 0o644, mtime: time, content: "x" },
          { name: "bin/start", mode: 0o755, mtime: time, content: "#!/bin/sh\n" },
        ],
      );
      const certificates = entries.filter(({ name }) => name.startsWith(".build/ca-certificates/"));
      assert.deepEqual(certificates, [
        { name: ".build/ca-certificates/", mode: 0o755, mtime: time, content: "" },
        ...(await machineCertificates()),
      ]);
    });

    it("gives version and base as arguments, besides the machine's proxies, which Docker keeps out of the history", async () => {
      const routes = { [wanted]: missing, [base]: here, "POST /build": built({ stream: "done" }) };
      const variables = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
      const before = variables.map((name) => [name, process.env[name]] as const);
      let requests: string[];
      try {
        for (const name of variables) Reflect.deleteProperty(process.env, name);
        process.env["https_proxy"] = "http://proxy.example.org:3128";
        ({ requests } = await build(routes));
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = value;
        }
      }
      const query = new URL(requests.at(-1)?.replace("POST ", "http://docker") ?? "").searchParams;
      assert.deepEqual(
        { ...Object.fromEntries(query), buildargs: JSON.parse(query.get("buildargs") ?? "") as unknown },
        {
          t: reference,
          forcerm: "true",
          nocache: "false",
          labels: '{"org.opencontainers.image.version":"1.0"}',
          buildargs: { BASE: baseImage, VERSION: "1.0", https_proxy: "http://proxy.example.org:3128" },
        },
      );
    });

    it("takes nothing from Docker's cache for a revision, so that its packages are fresh", async () => {
      const routes = { [wanted]: missing, [base]: here, "POST /build": built({ stream: "done" }) };
      const { requests } = await build(routes, { revision: "7" });
      assert.match(requests.at(-1) ?? "", /[?&]nocache=true(&|$)/);
    });

    it("builds the stage that is asked for", async () => {
      const routes = { [wanted]: missing, [base]: here, "POST /build": built({ stream: "done" }) };
      const { requests } = await build(routes, { target: "prod" });
      assert.equal(
        new URL(requests.at(-1)?.replace("POST ", "http://docker") ?? "").searchParams.get("target"),
        "prod",
      );
    });

    it("says each step, and shows the last lines of the output when one fails", async () => {
      const output = Array.from({ length: 40 }, (_, index) => ({ stream: `line ${String(index + 1)}\n` }));
      const routes = {
        [wanted]: missing,
        [base]: here,
        "POST /build": [
          built({ stream: "Step 1/2 : FROM base\n" }, { stream: " ---> 1\n" }, { stream: "\n" }, { aux: { ID: "1" } }),
          built(...output, { errorDetail: { code: 2, message: "make: exit 2" }, error: "make: exit 2" }),
        ],
      };
      const { said } = await build(routes);
      assert.deepEqual(said, ["Step 1/2 : FROM base"]);
      const last = output.slice(-30).map(({ stream }) => stream.trim());
      await assert.rejects(build({ ...routes, "POST /build": routes["POST /build"].slice(1) }), {
        message: `Building ${reference} failed: make: exit 2\n${last.join("\n")}`,
      });
    });
  });
});

async function machineCertificates() {
  const root = "/usr/local/share/ca-certificates";
  const files = await readdir(root, { recursive: true }).catch(() => []);
  const certificates = files.filter((file) => file.endsWith(".crt")).sort();
  return Promise.all(
    certificates.map(async (file) => ({
      name: `.build/ca-certificates/${file.replaceAll("/", "-")}`,
      mode: 0o644,
      mtime: new Date(0),
      content: await readFile(join(root, file), "utf8"),
    })),
  );
}
