/**
 * L0: a hypervisor in Java that behaves like Linux KVM, on silicon of its own. It owns host processors, host memory and the
 * control structures there, and stands below the processors of a {@link nestbox.machine.Machine}, whose board it hosts
 * unchanged. {@link nestbox.l0.Vcpu} is the run loop; {@link nestbox.l0.VendorBackend} is the seam behind which VMX and SVM lie.
 */
package nestbox.l0;
