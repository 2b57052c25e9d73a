"""
Adds a patient with one finished task, a BADLS questionnaire, to CamCOPS's database, as a tablet would have uploaded them.
Prints the task's server_pk and the patient's surname as JSON. Runs in a container of CamCOPS.
"""

import json

import camcops_server.camcops_server_core  # noqa: F401 (registers all models)
from camcops_server.cc_modules.cc_config import get_default_config_from_os_env
from camcops_server.cc_modules.cc_dummy_database import DummyDataFactory
from camcops_server.cc_modules.cc_patient import Patient
from camcops_server.cc_modules.cc_taskindex import reindex_everything
from camcops_server.tasks.badls import Badls


class OneTask(DummyDataFactory):
    NUM_PATIENTS = 1

    def add_tasks(self, patient_id: int) -> None:
        self.task = Badls()
        self.task.id = self.next_id(Badls.id)
        self.task.patient_id = patient_id
        self.apply_standard_task_fields(self.task)
        self.fill_in_task_fields(self.task)
        self.dbsession.add(self.task)
        self.dbsession.commit()


factory = OneTask(get_default_config_from_os_env())
factory.add_data()
session = factory.dbsession
# In a database of an older schema, questionnaires of later ones have no table.
reindex_everything(session, skip_tasks_with_missing_tables=True)
session.commit()
print(json.dumps({"serverPk": factory.task.pk, "surname": session.query(Patient).one().surname}))
