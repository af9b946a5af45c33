// Starts a node, says where it is, and then lives or dies as its argument says.
const { DevNode, locateNode } = require("../dist/core");

const ways = {
  wait: () => setInterval(() => {}, 1000),
  throw: () =>
    setTimeout(() => {
      throw new Error("as the test wants");
    }),
  exit: () => process.exit(0),
  end: () => {},
};

DevNode.start({ binary: locateNode(undefined, [__dirname]) }).then(({ node, endpoints }) => {
  process.stdout.write(`${JSON.stringify({ pid: node.pid, ...endpoints })}\n`);
  ways[process.argv[2]]();
});
