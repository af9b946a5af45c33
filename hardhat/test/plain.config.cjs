// A Hardhat node without the plugin, to which fhevm-node attaches.
module.exports = {};
