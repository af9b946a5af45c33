// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ZamaEthereumConfig} from "published-fhevm-solidity/config/ZamaConfig.sol";
import "published-fhevm-solidity/lib/FHE.sol";

/// @title Every kind of function of the published library from 0.11 on, whose bytecode knows nothing of this network
/// @notice Results are kept by name, and the sender of `set` may decrypt them.
contract Published is ZamaEthereumConfig {
    mapping(string name => bytes32) public handle;
    uint8 public opened;

    address private reader;
    euint8 internal a;
    euint8 internal b;
    euint16 private wide;
    ebool private flag;
    eaddress private who;
    euint8 private unassigned;

    function set(
        externalEuint8 a_,
        externalEuint8 b_,
        externalEuint16 wide_,
        externalEbool flag_,
        externalEaddress who_,
        bytes calldata proof
    ) external {
        reader = msg.sender;
        a = FHE.allowThis(FHE.fromExternal(a_, proof));
        b = FHE.allowThis(FHE.fromExternal(b_, proof));
        wide = FHE.allowThis(FHE.fromExternal(wide_, proof));
        flag = FHE.allowThis(FHE.fromExternal(flag_, proof));
        who = FHE.allowThis(FHE.fromExternal(who_, proof));
        require(FHE.isSenderAllowed(wide), "no right on the input");
        FHE.allow(a, msg.sender);
        handle["a"] = FHE.toBytes32(a);
    }

    function arithmetic() external {
        _keep("add", FHE.add(a, b));
        _keep("addScalar", FHE.add(a, 77));
        _keep("addWider", FHE.toBytes32(FHE.add(a, wide)));
        _keep("sub", FHE.sub(a, b));
        _keep("subScalar", FHE.sub(a, 9));
        _keep("scalarSub", FHE.sub(9, a));
        _keep("mul", FHE.mul(a, b));
        _keep("mulScalar", FHE.mul(a, 5));
        _keep("div", FHE.div(a, 7));
        _keep("rem", FHE.rem(a, 7));
        _keep("min", FHE.min(a, b));
        _keep("maxScalar", FHE.max(b, 99));
        _keep("neg", FHE.neg(a));
    }

    function bits() external {
        _keep("and", FHE.and(a, b));
        _keep("or", FHE.or(a, b));
        _keep("xorScalar", FHE.xor(a, 0x5a));
        _keep("not", FHE.not(a));
        _keep("shl", FHE.shl(a, b));
        _keep("shrScalar", FHE.shr(a, 3));
        _keep("rotl", FHE.rotl(a, b));
        _keep("rotrScalar", FHE.rotr(a, 3));
    }

    function comparisons() external {
        _keep("eq", FHE.eq(a, b));
        _keep("neScalar", FHE.ne(a, 1));
        _keep("lt", FHE.lt(a, b));
        _keep("leScalar", FHE.le(a, 200));
        _keep("gt", FHE.gt(a, b));
        _keep("scalarGe", FHE.ge(100, a));
        _keep("sameAddress", FHE.eq(who, msg.sender));
        _keep("choose", FHE.select(flag, a, b));
        _keep("chooseElse", FHE.select(FHE.not(flag), a, b));
    }

    function casts() external {
        _keep("widened", FHE.toBytes32(FHE.asEuint16(a)));
        _keep("narrowed", FHE.asEuint8(wide));
        _keep("truth", FHE.asEbool(wide));
        _keep("number", FHE.asEuint8(flag));
        _keep("constant", FHE.toBytes32(FHE.asEuint64(123456789)));
        _keep("zeroPlusOne", FHE.add(unassigned, 1));
        _keep("zero", FHE.allowThis(unassigned));
    }

    function random() external {
        _keep("random", FHE.randEuint8());
        _keep("bounded", FHE.randEuint8(16));
        _keep("coin", FHE.randEbool());
    }

    /// @notice Lends `a` to another contract, once as a value and once as an input without a proof.
    function lend(Published other) external {
        FHE.allowTransient(a, address(other));
        other.borrow(a);
        other.take(externalEuint8.wrap(FHE.toBytes32(a)), externalEuint8.wrap(0));
    }

    function borrow(euint8 value) external {
        require(FHE.isSenderAllowed(value) && FHE.isAllowed(value, address(this)), "no right");
        _keep("borrowed", FHE.add(value, 1));
        FHE.allow(euint8.wrap(handle["borrowed"]), tx.origin);
    }

    function take(externalEuint8 value, externalEuint8 none) external {
        _keep("taken", FHE.add(FHE.fromExternal(value, ""), FHE.fromExternal(none, "")));
        FHE.allow(euint8.wrap(handle["taken"]), tx.origin);
    }

    /// @notice Lends `a`, takes the loan back and lends no more.
    function clean(address other) external returns (bool before, bool afterwards) {
        FHE.allowTransient(a, other);
        before = FHE.isAllowed(a, other);
        FHE.cleanTransientStorage();
        afterwards = FHE.isAllowed(a, other);
    }

    function publish() external {
        a = FHE.makePubliclyDecryptable(a);
    }

    function open(uint8 value, bytes calldata proof) external {
        FHE.checkSignatures(_handles(), abi.encode(value), proof);
        opened = value;
    }

    function isValid(uint8 value, bytes calldata proof) external view returns (bool) {
        return FHE.isPublicDecryptionResultValid(_handles(), abi.encode(value), proof);
    }

    function delegate(address to, address other, bool forEver) external {
        if (forEver) FHE.delegateUserDecryptionWithoutExpiration(to, other);
        else FHE.delegateUserDecryption(to, other, uint64(block.timestamp + 1 days));
    }

    function revoke(address to, address other) external {
        FHE.revokeUserDecryptionDelegation(to, other);
    }

    function views(address account)
        external
        view
        returns (bool initialized, bool isPublic, bool decryptable, bool denied, uint64 delegatedUntil)
    {
        initialized = FHE.isInitialized(a) && !FHE.isInitialized(unassigned);
        isPublic = FHE.isPubliclyDecryptable(a);
        decryptable = FHE.isUserDecryptable(FHE.toBytes32(a), account, address(this));
        denied = FHE.isAccountDenied(account);
        delegatedUntil = FHE.getDelegatedUserDecryptionExpirationDate(address(this), account, address(0xD1CE));
    }

    function _handles() private view returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = FHE.toBytes32(a);
    }

    function _keep(string memory name, euint8 value) internal {
        _keep(name, FHE.toBytes32(value));
    }

    function _keep(string memory name, ebool value) internal {
        _keep(name, FHE.toBytes32(value));
    }

    function _keep(string memory name, bytes32 value) private {
        Impl.allow(value, address(this));
        if (reader != address(0)) Impl.allow(value, reader);
        handle[name] = value;
    }
}
