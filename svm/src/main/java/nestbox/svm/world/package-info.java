/** What VMRUN and #VMEXIT move, the permission maps and SVM's MSRs: shared by the silicon and by L0, which emulates SVM for L1. */
package nestbox.svm.world;
