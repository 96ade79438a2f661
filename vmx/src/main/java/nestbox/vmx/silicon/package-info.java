/**
 * VMX in the silicon: plugs into {@code nestbox.x86} through {@link nestbox.x86.VirtualizationExtension}. {@link Vmx} is the
 * extension; the other classes are one idea each and work on it (docs/decisions/0004-vmx-silicon.md).
 */
package nestbox.vmx.silicon;
