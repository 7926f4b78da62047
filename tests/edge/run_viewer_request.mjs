// Runs the CloudFront Function as its runtime does: a script with `handler`, which has two modules and little else.
import crypto from "node:crypto";
import fs from "node:fs";
import vm from "node:vm";

const { code, store, region, events, repeat } = JSON.parse(fs.readFileSync(0, "utf8"));
const script = code.replace(/^import (\w+) from '(\w+)';$/gm, "const $1 = modules.$2;");
let selected = null;
let counted = {};
const kvs = {
  exists: async (key) => {
    counted.looked_for.push(key);
    return Object.hasOwn(store, key);
  },
  get: async (key) => {
    counted.read.push(key);
    if (!Object.hasOwn(store, key)) throw new Error("KeyNotFound");
    return store[key];
  },
};
const logs = [];
const context = vm.createContext(
  {
    modules: {
      cloudfront: {
        kvs: () => kvs,
        edgeLocation: region ? { region } : undefined,
        selectRequestOriginById: (id) => { selected = id; },
      },
      crypto: {
        createHmac: (algorithm, secret) => {
          counted.signed += 1;
          return crypto.createHmac(algorithm, secret);
        },
      },
    },
    Buffer,
    console: { log: (line) => logs.push(line) },
  },
  // The runtime has neither (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html).
  { codeGeneration: { strings: false, wasm: false } },
);
vm.runInContext(`${script}\nglobalThis.run = handler;`, context);
const results = [];
for (const event of events) {
  selected = null;
  counted = { looked_for: [], read: [], signed: 0 };
  results.push({ returned: await context.run(structuredClone(event)), selected, ...counted });
}
const milliseconds = [];
for (let turn = 0; turn < (repeat ?? 0); turn++) {
  const event = structuredClone(events[turn % events.length]);
  const begin = process.hrtime.bigint();
  await context.run(event);
  milliseconds.push(Number(process.hrtime.bigint() - begin) / 1e6);
}
process.stdout.write(JSON.stringify({ results, logs, milliseconds }));
