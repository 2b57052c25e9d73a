import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { siteOf, type Site } from "../../cli/site.ts";
import { beginEntry, endEntry, type DeploymentResult } from "../../cli/upgrade/history.ts";
import { keepImages, releaseImages } from "../../cli/upgrade/kept-images.ts";

/** The names of images, as Docker has them: ids by reference. */
class Images {
  readonly names = new Map<string, string>();
  readonly inUse = new Set<string>();
  readonly ids: Set<string>;

  constructor(...ids: string[]) {
    this.ids = new Set(ids);
  }

  get client(): Docker {
    return {
      listImages: ({ filters }: { filters: { reference: string[] } }) =>
        Promise.resolve(
          [...this.names.keys()]
            .filter((name) => filters.reference.includes(name.replace(/:.*/, "")))
            .map((name) => ({ RepoTags: [name] })),
        ),
      getImage: (of: string) => ({
        tag: ({ repo, tag }: { repo: string; tag: string }) => {
          if (!this.ids.has(of)) return Promise.reject(Object.assign(new Error("gone"), { statusCode: 404 }));
          this.names.set(`${repo}:${tag}`, of);
          return Promise.resolve();
        },
        remove: () => {
          if (this.inUse.has(of)) return Promise.reject(Object.assign(new Error("in use"), { statusCode: 409 }));
          this.names.delete(of);
          return Promise.resolve();
        },
      }),
    } as unknown as Docker;
  }

  kept(): string[] {
    return [...this.names.values()].sort();
  }
}

const id = (digit: number) => `sha256:${String(digit).repeat(64)}`;

describe("the images of a stack's deployments", () => {
  let folder: string;
  let site: Site;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-home-"));
    site = siteOf({ stack: "clinic", home: folder });
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function deployed(of: Site, result: DeploymentResult, ...imageIds: string[]): void {
    const begun = { user: "eva", machine: "lab", clone: "/clone", time: "2026-01-31T12:00:00.000Z" };
    const { number } = beginEntry(of, { ...begun, kind: "up", summary: [], program: "p" }, "config: {}\n");
    const services = Object.fromEntries(
      imageIds.map((imageId, index) => [
        `clinic/${String(index)}`,
        { image: "image", imageId, isDatabase: false, volumes: [] },
      ]),
    );
    endEntry(of, number, result, { services });
  }

  it("are kept by a name each: those of the newest three that succeeded", async () => {
    const images = new Images(...[1, 2, 3, 4, 5].map(id));
    deployed(site, "succeeded", id(1), id(2));
    await keepImages(images.client, site);
    assert.deepEqual(images.kept(), [id(1), id(2)]);
    assert.match([...images.names.keys()][0] ?? "", /^slipway\/kept:[0-9a-f]{8}-clinic-111111111111$/);
    deployed(site, "succeeded", id(3), id(2));
    deployed(site, "failed", id(5));
    deployed(site, "succeeded", id(4));
    await keepImages(images.client, site);
    assert.deepEqual(images.kept(), [1, 2, 3, 4].map(id));
    deployed(site, "succeeded", id(4));
    await keepImages(images.client, site);
    assert.deepEqual(images.kept(), [2, 3, 4].map(id));
  });

  it("lose their names with the stack's data, and those of other stacks and homes do not", async () => {
    const images = new Images(id(1));
    const others = [
      siteOf({ stack: "clinic-1", home: folder }),
      siteOf({ stack: "clinic", home: join(folder, "other") }),
    ];
    for (const each of [site, ...others]) {
      deployed(each, "succeeded", id(1));
      await keepImages(images.client, each);
    }
    assert.equal(images.names.size, 3);
    await releaseImages(images.client, site);
    assert.equal(images.names.size, 2);
  });

  it("may be gone, or in use without another name", async () => {
    const images = new Images(id(1), id(3));
    deployed(site, "succeeded", id(1), id(2));
    await keepImages(images.client, site);
    assert.deepEqual(images.kept(), [id(1)]);
    for (const name of images.names.keys()) images.inUse.add(name);
    for (let times = 0; times < 3; times++) deployed(site, "succeeded", id(3));
    await keepImages(images.client, site);
    assert.deepEqual(images.kept(), [id(1), id(3)]);
  });
});
