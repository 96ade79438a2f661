/** VMX as L0 uses it to run its guests (vmcs01): the backend behind {@link nestbox.l0.VendorBackend}. */
package nestbox.vmx.l0;
