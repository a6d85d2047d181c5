// Prints what wrangler.toml means to Miniflare. Wrangler takes seconds to load, so this is done once for all tests.
//
//   node options.mjs wrangler.toml >options.json

import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

const { workerOptions } = optionsOf(process.argv[2]);
process.stdout.write(JSON.stringify({ ...workerOptions, rootPath: undefined }));
